/** The token endpoint's flow (RFC 6749 §3.2): authenticate the client, then let the grant decide. */

import { quoted } from '../protocol/callers-words.ts'
import { readClientAuthentication } from '../protocol/client-authentication.ts'
import { OAuthError } from '../protocol/errors.ts'
import type { Fields } from '../protocol/fields.ts'
import { readGrantType } from '../protocol/token-request.ts'
import type { IssuedToken } from '../protocol/token-response.ts'
import { asClient } from './as-client.ts'
import type { Circumstances, Deps } from './deps.ts'
import { grants, isGrantType } from './grants/index.ts'

export async function issueToken(
  fields: Fields,
  authorization: string | undefined,
  deps: Deps,
  circumstances: Circumstances,
): Promise<IssuedToken> {
  const grantType = readGrantType(fields)
  if (!isGrantType(grantType)) {
    throw new OAuthError('unsupported_grant_type', 'This grant type is not supported.', {
      detail: `grant_type ${quoted(grantType)}`,
    })
  }
  const presented = readClientAuthentication(fields, authorization)
  const issue = grants[grantType](fields, deps, circumstances)
  return asClient(presented, deps, circumstances, async (client) => {
    if (client.grantTypes.includes(grantType)) return issue(client)
    throw new OAuthError(
      'unauthorized_client',
      'The client is not authorized for this grant type.',
      { detail: `not authorized for ${grantType}` },
    )
  })
}
