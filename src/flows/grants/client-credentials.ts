/** The client credentials grant (RFC 6749 §4.4): a client acts for itself. */

import { isPublic } from '../../domain/client.ts'
import { OAuthError } from '../../protocol/errors.ts'
import { readRequestedScopes } from '../../protocol/scope-parameter.ts'
import { issueAccessToken } from '../issue-access-token.ts'
import { newBearer } from '../open-session.ts'
import { useProof } from '../proof-of-possession.ts'
import type { Grant } from './grant.ts'

export const clientCredentials: Grant = (fields, deps, context) => async (caller) => {
  const { client } = caller
  // §4.4: only for confidential clients, whatever the registry says of this one.
  if (isPublic(client)) {
    throw new OAuthError('unauthorized_client', 'A public client cannot use this grant type.')
  }
  const holding = {
    user: null,
    scopes: readRequestedScopes(fields, client.scopes),
    endorsements: client.endorsements,
    redirectUri: client.redirectUris[0] ?? '',
  }
  const bearer = await newBearer('accessToken')
  await useProof(caller.proof, deps)
  return issueAccessToken(bearer, holding, caller, null, deps, context)
}
