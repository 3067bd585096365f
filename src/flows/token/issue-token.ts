/** The token endpoint's flow (RFC 6749 §3.2): read the request, then run the steps of its grant. */

import type { GrantType } from '../../domain/client.ts'
import { readClientAuthentication } from '../../protocol/client-authentication.ts'
import type { Fields } from '../../protocol/fields.ts'
import { readGrantType } from '../../protocol/token-request.ts'
import type { IssuedToken } from '../../protocol/token-response.ts'
import type { Deps, RequestContext } from '../deps.ts'
import { authorizationCode } from './authorization-code.ts'
import { clientCredentials } from './client-credentials.ts'
import type { TokenRequest } from './grant.ts'
import { readTokenProof } from './proof-of-possession.ts'
import { refreshToken } from './refresh-token.ts'

type Grant = (request: TokenRequest, deps: Deps, context: RequestContext) => Promise<IssuedToken>

const GRANTS = {
  client_credentials: clientCredentials,
  authorization_code: authorizationCode,
  refresh_token: refreshToken,
} satisfies Record<GrantType, Grant>

export async function issueToken(
  fields: Fields,
  headers: Readonly<{ authorization: string | undefined; dpop: string | undefined }>,
  deps: Deps,
  context: RequestContext,
): Promise<IssuedToken> {
  const grantType = readGrantType(fields)
  const presented = readClientAuthentication(fields, headers.authorization)
  const proof = await readTokenProof(headers.dpop, deps, context.now)
  return GRANTS[grantType]({ grantType, fields, presented, proof }, deps, context)
}
