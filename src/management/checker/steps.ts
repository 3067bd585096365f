/** The checks of each kind of request, in the order in which they are made, and the question of each check. */

import type { AuthMethod, GrantType } from '../../domain/client.ts'
import { GRANT_TYPES, usesSecret } from '../../domain/client.ts'
import type { CheckName } from '../../protocol/checks.ts'

export type Step = Readonly<{ check: CheckName; says: string }>

const COMMON = {
  client: 'The client is registered and enabled.',
  grant_type_approved: 'The client is authorized for the grant type.',
  target: 'The client may have the scopes and resources that are asked for.',
} as const

const AUTHORIZATION = {
  request: 'It goes to /authorize of this registry, and names the client and redirect_uri once.',
  client: COMMON.client,
  redirect_uri: 'redirect_uri is registered for the client.',
  parameters: 'No parameter is repeated, and the request is not too long.',
  response_type: 'response_type and response_mode are known here.',
  state: 'state has no control character.',
  grant_type_approved: COMMON.grant_type_approved,
  target: COMMON.target,
  code_challenge: 'code_challenge has the method S256, and is there where it must be.',
  dpop_jkt: 'dpop_jkt is a thumbprint, if it is there.',
  prompt: 'prompt and max_age are well-formed.',
  binding: 'A public client that asks for a scope of the registry names its key.',
  user: 'A user may allow it. This is checked for you, as you are signed in.',
} as const satisfies Partial<Record<CheckName, string>>

const TOKEN_HEAD = {
  request:
    'It is a form, sent to /token of this registry by POST, without a credential in the address.',
  grant_type: 'grant_type is known here.',
  credentials: 'It says which client it is from, and authenticates it in one way.',
  dpop_proof: 'Its DPoP proof is valid, if it has one.',
  parameters: 'The parameters of the grant are there and well-formed.',
  client: COMMON.client,
  auth_method: 'The client authenticates by the method that it is registered for.',
  secret: 'The secret is a current one of the client.',
  assertion: 'The client assertion is valid, and new.',
  grant_type_approved: COMMON.grant_type_approved,
  dpop_required: 'A DPoP proof is there, if the client must send one.',
} as const satisfies Partial<Record<CheckName, string>>

const TOKEN_END = {
  target: COMMON.target,
  binding: 'Tokens can be made as the scopes and resources demand.',
} as const satisfies Partial<Record<CheckName, string>>

const GRANTS = {
  client_credentials: TOKEN_END,
  authorization_code: {
    code: 'The code was issued to the client.',
    redirect_uri: 'redirect_uri is that of the authorization request.',
    code_verifier: 'code_verifier fits the code_challenge of the authorization request.',
    dpop_key: 'The key is the one that the authorization request named, if it named one.',
    expiry: 'The code has not expired.',
    ...TOKEN_END,
    spending: 'The code was not used before, and what the user granted still holds.',
  },
  refresh_token: {
    refresh_token: 'The refresh token was issued to the client.',
    dpop_key: 'The key is the one that the refresh token is bound to, if it is bound.',
    expiry: 'The refresh token has not expired or ended.',
    reuse: 'The refresh token was not used before, or this is a retry.',
    ...TOKEN_END,
    spending: 'What the user granted still holds.',
  },
} as const satisfies Record<GrantType, Partial<Record<CheckName, string>>>

const listed = (says: Partial<Record<CheckName, string>>) =>
  Object.entries(says).map(([check, sentence]) => ({ check, says: sentence }) as Step)

export const AUTHORIZATION_STEPS = listed(AUTHORIZATION)

/** `asked`: the value of `grant_type`. */
export function tokenSteps(asked: string | undefined, authMethod: AuthMethod): readonly Step[] {
  const grantType = GRANT_TYPES.find((known) => known === asked)
  const steps = listed({ ...TOKEN_HEAD, ...(grantType && GRANTS[grantType]) })
  return steps.filter(
    ({ check }) =>
      (check !== 'secret' || usesSecret(authMethod)) &&
      (check !== 'assertion' || authMethod === 'private_key_jwt'),
  )
}
