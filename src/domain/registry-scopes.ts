/** The scopes of the registry's own management API. A token that has one is bought and bound more strictly than others. */

import { holdsScope } from './scope.ts'

export const REGISTRY_SCOPES = [
  'registry:read',
  'registry:clients',
  'registry:users',
  'registry:sessions',
  'registry:admin',
] as const
export type RegistryScope = (typeof REGISTRY_SCOPES)[number]

/** The whole prefix is reserved, so that a wider scope that covers one of these is treated like it. */
export const isRegistryScope = (scope: string) => scope.startsWith('registry:')

export const hasRegistryScope = (scopes: readonly string[]) => scopes.some(isRegistryScope)

/** The longest life of an access token with such a scope. */
export const REGISTRY_TOKEN_SECONDS = 900

/** Covers the others. */
export const ADMIN_SCOPE: RegistryScope = 'registry:admin'

export const isAdmin = (held: readonly string[]) => holdsScope(held, ADMIN_SCOPE)
