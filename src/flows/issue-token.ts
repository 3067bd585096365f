/** The token endpoint's flow (RFC 6749 §3.2): authenticate the client, then let the grant decide. */

import type { Client, GrantType } from '../domain/client.ts'
import { readClientAuthentication } from '../protocol/client-authentication.ts'
import { OAuthError } from '../protocol/errors.ts'
import type { Fields } from '../protocol/fields.ts'
import { quoted } from '../protocol/sanitize.ts'
import { readGrantType } from '../protocol/token-request.ts'
import type { IssuedToken } from '../protocol/token-response.ts'
import { asClient, asKeptClient } from './as-client.ts'
import type { Deps, RequestContext } from './deps.ts'
import { grants, isGrantType } from './grants/index.ts'
import { readTokenProof, requireProof } from './proof-of-possession.ts'

export type TokenRequestHeaders = Readonly<{
  authorization: string | undefined
  dpop: string | undefined
}>

export async function issueToken(
  fields: Fields,
  headers: TokenRequestHeaders,
  deps: Deps,
  context: RequestContext,
): Promise<IssuedToken> {
  const grantType = readGrantType(fields)
  if (!isGrantType(grantType)) {
    throw new OAuthError('unsupported_grant_type', 'This grant type is not supported.', {
      detail: `grant_type ${quoted(grantType)}`,
    })
  }
  const presented = readClientAuthentication(fields, headers.authorization)
  const proof = await readTokenProof(headers.dpop, deps, context.now)
  const issue = grants[grantType](fields, deps, context)
  const act = async (client: Client, asOfMs: number) => {
    requireGrantType(client, grantType)
    requireProof(client, proof)
    return issue({ client, asOfMs, jkt: proof?.jkt ?? null, proof })
  }
  const actOnFresh = (client: Client) => act(client, client.readAtMs)
  // What a user granted is refused or narrowed on the primary's record alone, before a code or a token is spent.
  return grantType === 'client_credentials'
    ? asKeptClient(presented, deps, context, act)
    : actOnFresh(await asClient(presented, deps, context))
}

function requireGrantType(client: Client, grantType: GrantType) {
  if (client.grantTypes.includes(grantType)) return
  throw new OAuthError('unauthorized_client', 'The client is not authorized for this grant type.', {
    detail: `not authorized for ${grantType}`,
  })
}
