/** What a client that registers itself gets without approval. For registrations by a request and by a document alike. */

import type { GrantType } from '../../domain/client.ts'
import { isRegistryScope } from '../../domain/registry-scopes.ts'
import { holdsScope } from '../../domain/scope.ts'

type Asked = Readonly<{
  grantTypes: readonly GrantType[]
  /** Null: it names none. */
  scopes: readonly string[] | null
}>

type Rules = Readonly<{
  /** The grant types that need no approval. */
  freeGrants: readonly GrantType[]
  /** All scopes that are declared: may clients that register themselves have them without approval? */
  declared: ReadonlyMap<string, boolean>
}>

type Permissions = Readonly<{ grantTypes: readonly GrantType[]; scopes: readonly string[] }>

/**
 * `allowed` it gets. `requested` waits for an operator. A client that names no scope gets all that need no approval. The
 * declaration of a scope itself counts before that of a wider one. Scopes of the registry are not even requested: only an
 * administrator could then change the client.
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
