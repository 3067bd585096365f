/** The scopes of the registry's own management API. A token with such a scope is issued under stricter rules than others. */

import { holdsScope } from './scope.ts'

export const REGISTRY_SCOPES = [
  'registry:read',
  'registry:clients',
  'registry:users',
  'registry:sessions',
  'registry:register',
  'registry:approve',
  'registry:admin',
] as const
export type RegistryScope = (typeof REGISTRY_SCOPES)[number]

/** The whole prefix is reserved, so that a wider scope that covers one of these scopes is treated like it. */
export const isRegistryScope = (scope: string) => scope.startsWith('registry:')

export const hasRegistryScope = (scopes: readonly string[]) => scopes.some(isRegistryScope)

/** The longest life of an access token with such a scope. */
export const REGISTRY_TOKEN_SECONDS = 900

/** The longest life of a token with these scopes, if other tokens live for `othersSeconds` at most. */
export const longestTokenSeconds = (scopes: readonly string[], othersSeconds: number) =>
  hasRegistryScope(scopes) ? Math.min(othersSeconds, REGISTRY_TOKEN_SECONDS) : othersSeconds

/** The scope covers all other scopes of the registry. */
export const ADMIN_SCOPE: RegistryScope = 'registry:admin'

export const isAdmin = (held: readonly string[]) => holdsScope(held, ADMIN_SCOPE)

/** The scope of people who decide on what clients request (`flows/registration/deciding.ts`). */
export const APPROVE_SCOPE: RegistryScope = 'registry:approve'

export const isApprover = (held: readonly string[]) =>
  isAdmin(held) || holdsScope(held, APPROVE_SCOPE)

/** The ids of the registry's own programs have this prefix. Only an administrator may choose such an id. */
export const isReservedId = (clientId: string) => clientId.startsWith('registry-')
