/** What the audit says of an act about a client: what was given, in the words of the command line's documents. */

import type { ClientChanges } from '../stores/client-registry.ts'
import type { Lists, Mode } from './client-options.ts'

/** Only what was given. Of keys only that they changed: they are long. */
export const detailOf = (fields: ClientChanges, lists: Lists, mode: Mode) => {
  const {
    jwks,
    ownerId,
    authMethod,
    requirePkce,
    requireDpop,
    mayIntrospect,
    accessTokenLifetimeSeconds,
    ...texts
  } = fields
  return {
    ...texts,
    owner_id: ownerId,
    auth_method: authMethod,
    require_pkce: requirePkce,
    require_dpop: requireDpop,
    may_introspect: mayIntrospect,
    access_token_lifetime_seconds: accessTokenLifetimeSeconds,
    jwks: jwks ? 'replaced' : undefined,
    ...listDetailOf(lists),
    requested_only: mode === 'request' ? true : undefined,
  }
}

export const listDetailOf = ({ redirectUris, grantTypes, scopes, endorsements }: Lists) => ({
  redirect_uris: redirectUris,
  grant_types: grantTypes,
  scopes,
  endorsements,
})
