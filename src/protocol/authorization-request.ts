/** The authorization request (RFC 6749 §4.1.1), after the check of the client and its redirect URI. */

import { type Client, mustUsePkce, type PkcePolicy } from '../domain/client.ts'
import type { ClientId } from '../domain/ids.ts'
import type { Checking } from './checks.ts'
import { isThumbprint } from './dpop.ts'
import { OAuthError } from './errors.ts'
import { type Fields, RESOURCE, required } from './fields.ts'
import { ASKED_AT, type Interaction, readInteraction } from './interaction.ts'
import { readCodeChallenge } from './pkce.ts'
import { namedResources, readTarget, type Target } from './resource-parameter.ts'
import { quoted } from './sanitize.ts'
import { asksForOfflineAccess, requireBinding, type ScopePolicy } from './scope-parameter.ts'
import { requireGrantType } from './token-request.ts'

export type AuthorizationRequest = Target &
  Readonly<{
    offlineAccess: boolean
    codeChallenge: string | null
    /** RFC 9449 §10: thumbprint of the key that the token request must prove to have. */
    dpopJkt: string | null
    interaction: Interaction
  }>

/** The parameters of a request. The consent page sends them back, and the page's form token is bound to them. */
export const REQUEST_FIELDS = [
  'response_type',
  'response_mode',
  'client_id',
  'redirect_uri',
  'scope',
  RESOURCE,
  'state',
  'code_challenge',
  'code_challenge_method',
  'dpop_jkt',
  'prompt',
  'max_age',
  'login_hint',
  ASKED_AT,
] as const

export const requestPairs = (fields: Fields): (readonly [name: string, value: string])[] =>
  REQUEST_FIELDS.flatMap((name) => {
    const value = fields.get(name)
    if (value === undefined) return []
    const values = name === RESOURCE ? value.split(' ') : [value]
    return values.map((one) => [name, one] as const)
  })

/** The client and its redirect URI. They are read first, because later errors are reported at that URI. */
export const readAddressee = (fields: Fields) => ({
  clientId: fields.get('client_id') as ClientId | undefined,
  redirectUri: fields.get('redirect_uri'),
  resources: namedResources(fields),
})

export type RequestRules = Checking &
  Readonly<{ requirePkce: PkcePolicy; scopePolicy: ScopePolicy }>

/** Throws the errors that the redirect reports to the client (RFC 6749 §4.1.2.1). */
export function readAuthorizationRequest(
  fields: Fields,
  client: Client,
  { requirePkce, scopePolicy, checking }: RequestRules,
): AuthorizationRequest {
  checking?.('response_type')
  const responseType = required(fields, 'response_type')
  if (responseType !== 'code') {
    throw new OAuthError('unsupported_response_type', 'Only response_type=code is supported.', {
      detail: `response_type ${quoted(responseType)}`,
    })
  }
  const responseMode = fields.get('response_mode')
  if (responseMode !== undefined && responseMode !== 'query') {
    throw new OAuthError('invalid_request', 'Only response_mode=query is supported.', {
      detail: `response_mode ${quoted(responseMode)}`,
    })
  }
  checking?.('state')
  refuseControlCharacters(fields.get('state') ?? '')
  checking?.('grant_type_approved')
  requireGrantType(client, 'authorization_code')
  checking?.('target')
  const target = readTarget(fields, client, scopePolicy)
  const isPkceNeeded =
    mustUsePkce({ client, policy: requirePkce }) ||
    target.resources.some((resource) => resource.requirePkce)
  checking?.('code_challenge')
  const codeChallenge = readCodeChallenge(fields, isPkceNeeded)
  checking?.('dpop_jkt')
  const dpopJkt = readDpopJkt(fields)
  checking?.('prompt')
  const interaction = readInteraction(fields)
  const offlineAccess = asksForOfflineAccess(fields)
  checking?.('binding')
  requireBinding(target.scopes, client, dpopJkt !== null)
  return { ...target, codeChallenge, dpopJkt, interaction, offlineAccess }
}

/**
 * RFC 6749 Appendix A.5 allows printable ASCII. Browsers change line ends and NUL in a form, so such a `state` would return
 * changed. Other characters return unchanged and are accepted.
 */
function refuseControlCharacters(state: string) {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the check looks for them.
  if (!/[\x00-\x1f\x7f]/.test(state)) return
  throw new OAuthError('invalid_request', 'The parameter state contains a control character.')
}

function readDpopJkt(fields: Fields): string | null {
  const jkt = fields.get('dpop_jkt') ?? null
  if (jkt === null || isThumbprint(jkt)) return jkt
  throw new OAuthError('invalid_request', 'The parameter dpop_jkt is not a SHA-256 thumbprint.')
}
