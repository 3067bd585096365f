/** The scopes of the registry's own management API. A token that has one is bought and bound more strictly than others. */

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

/** The whole prefix is reserved, so that a wider scope that covers one of these is treated like it. */
export const isRegistryScope = (scope: string) => scope.startsWith('registry:')

export const hasRegistryScope = (scopes: readonly string[]) => scopes.some(isRegistryScope)

/** The longest life of an access token with such a scope. */
export const REGISTRY_TOKEN_SECONDS = 900

/** The longest life of a token with these scopes, where others live for `othersSeconds` at most. */
export const longestTokenSeconds = (scopes: readonly string[], othersSeconds: number) =>
  hasRegistryScope(scopes) ? Math.min(othersSeconds, REGISTRY_TOKEN_SECONDS) : othersSeconds

/** Covers the others. */
export const ADMIN_SCOPE: RegistryScope = 'registry:admin'

export const isAdmin = (held: readonly string[]) => holdsScope(held, ADMIN_SCOPE)

/** Decides on what clients request (`flows/registration/deciding.ts`). */
export const APPROVE_SCOPE: RegistryScope = 'registry:approve'

export const isApprover = (held: readonly string[]) =>
  isAdmin(held) || holdsScope(held, APPROVE_SCOPE)

/** Ids of the registry's own programs. Only an administrator may choose one. */
export const isReservedId = (clientId: string) => clientId.startsWith('registry-')
