/** What a client that registers itself, by a request or by a document, gets without approval. */

import type { GrantType } from '../../domain/client.ts'
import { isRegistryScope } from '../../domain/registry-scopes.ts'
import { holdsScope } from '../../domain/scope.ts'

type Asked = Readonly<{
  grantTypes: readonly GrantType[]
  /** Null if the client names no scopes. */
  scopes: readonly string[] | null
}>

type Rules = Readonly<{
  /** The grant types that need no approval. */
  freeGrants: readonly GrantType[]
  /** All declared scopes, and whether clients that register themselves may have them without approval. */
  declared: ReadonlyMap<string, boolean>
}>

type Permissions = Readonly<{ grantTypes: readonly GrantType[]; scopes: readonly string[] }>

/**
 * The client gets `allowed`, and `requested` waits for an operator. A client that names no scope gets all scopes that need no
 * approval. The declaration of a scope itself counts before the declaration of a wider scope. Scopes of the registry are not
 * even requested, because only an administrator could then change the client.
 */
export function withoutApproval(
  { grantTypes, scopes }: Asked,
  { freeGrants, declared }: Rules,
): Readonly<{ allowed: Permissions; requested: Permissions }> {
  const free = [...declared].filter(([, isFree]) => isFree).map(([name]) => name)
  const isFree = (scope: string) => declared.get(scope) ?? holdsScope(free, scope)
  const asked = (scopes ?? free).filter((scope) => !isRegistryScope(scope))
  return {
    allowed: {
      grantTypes: grantTypes.filter((type) => freeGrants.includes(type)),
      scopes: asked.filter(isFree),
    },
    requested: {
      grantTypes: grantTypes.filter((type) => !freeGrants.includes(type)),
      scopes: asked.filter((scope) => !isFree(scope)),
    },
  }
}
