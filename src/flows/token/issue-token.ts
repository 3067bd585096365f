/** The token endpoint's flow (RFC 6749 §3.2): read the request, then run the steps of its grant. */

import type { GrantType } from '../../domain/client.ts'
import { readClientAuthentication } from '../../protocol/client-authentication.ts'
import type { Fields } from '../../protocol/fields.ts'
import { readGrantType } from '../../protocol/token-request.ts'
import type { Deps, RequestContext } from '../deps.ts'
import { redeemCode } from './authorization-code.ts'
import { issueToClient } from './client-credentials.ts'
import type { IssuedToken, TokenRequest } from './grant.ts'
import { readTokenProof } from './proof-of-possession.ts'
import { refreshTokens } from './refresh-token.ts'

const GRANTS = {
  client_credentials: issueToClient,
  authorization_code: redeemCode,
  refresh_token: refreshTokens,
} satisfies Record<GrantType, (request: TokenRequest) => Promise<IssuedToken>>

type SentHeaders = Readonly<{ authorization: string | undefined; dpop: string | undefined }>

export async function issueToken(
  fields: Fields,
  headers: SentHeaders,
  deps: Deps,
  context: RequestContext,
): Promise<IssuedToken> {
  const request = await readTokenRequest(fields, headers, deps, context)
  return GRANTS[request.grantType](request)
}

async function readTokenRequest(
  fields: Fields,
  { authorization, dpop }: SentHeaders,
  deps: Deps,
  context: RequestContext,
): Promise<TokenRequest> {
  deps.checking?.('grant_type')
  const grantType = readGrantType(fields)
  deps.checking?.('credentials')
  const presented = readClientAuthentication(fields, authorization)
  deps.checking?.('dpop_proof')
  const proof = dpop === undefined ? null : await readTokenProof(dpop, deps, context.now)
  deps.checking?.('parameters')
  return { grantType, fields, presented, proof, jkt: proof?.jkt ?? null, deps, context }
}
