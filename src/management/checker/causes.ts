/**
 * The cause of a refusal in the operator's log, worded for an owner of the client: without other clients and without users.
 */

import { type AuthMethod, usesSecret } from '../../domain/client.ts'
import { TOO_WEAK } from '../../flows/authenticate-client.ts'
import type { Remedy } from '../../pages/portal/refusal-lookup.tsx'
import type { CheckName } from '../../protocol/checks.ts'
import { isRedirectRefusal } from '../../protocol/redirect-uri.ts'
import type { Refused } from '../../stores/refusals.ts'
import { capitalized } from '../page.ts'
import { visible } from './masked.ts'

const NOT_OF_CLIENT =
  'The code or the token is not of this client: it is unknown, expired long ago, or was issued to another client.'
const NO_LONGER_HELD =
  'What the user granted no longer holds: the user, an owner or the operator has ended it.'

/** Causes that would reveal something of other clients or of users share a sentence. */
const SAID: ReadonlyMap<string, string> = new Map([
  [TOO_WEAK, 'It is a wrong secret, or one too weak to be accepted.'],
  ...[
    'unknown code',
    'unknown token',
    'not on the ledger',
    'issued to another client',
    'The token was issued to another client.',
  ].map((detail) => [detail, NOT_OF_CLIENT] as const),
  ...['the user is gone', 'the user is disabled', 'every granted scope has been withdrawn'].map(
    (detail) => [detail, NO_LONGER_HELD] as const,
  ),
])

/** Matches a sentence that begins with a parameter, whose first letter stays in lower case. */
const IS_PARAMETER = /^(?:\w+_\w+|jti|iat|htm|htu|exp|aud)\b/

/** Matches the name of a setting, which only operators should read. */
const OF_OPERATORS = / is not in [A-Z]+(?:_[A-Z]+)+$/

/** Returns the cause as one sentence. */
export function causeOf(detail: string): string {
  const said = SAID.get(detail)
  if (said !== undefined) return said
  const text = visible(detail.replace(OF_OPERATORS, ' is not one that the operator accepts'), 300)
  const sentence = IS_PARAMETER.test(text) ? text : capitalized(text)
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`
}

const OF_CHECKS: Partial<Record<CheckName, Remedy>> = {
  secret: 'secrets',
  assertion: 'keys',
  grant_type_approved: 'permissions',
  target: 'permissions',
}

/** The page on which an owner changes what failed; null if only the request can be changed. */
export const remedyOf = (failed: CheckName, isToken: boolean): Remedy | null =>
  failed === 'redirect_uri' && !isToken ? 'edit' : (OF_CHECKS[failed] ?? null)

const APPROVAL: ReadonlySet<string> = new Set([
  'unauthorized_client',
  'invalid_scope',
  'invalid_target',
])

type Refusing = Readonly<{ authMethod: AuthMethod; disabledAt: number | null }>

/** The page for a recorded refusal, whose failed check is not known. */
export function remedyOfRefusal(
  { error, detail, endpoint }: Pick<Refused, 'error' | 'detail' | 'endpoint'>,
  { authMethod, disabledAt }: Refusing,
): Remedy | null {
  if (APPROVAL.has(error)) return 'permissions'
  if (endpoint.endsWith('/authorize') && isRedirectRefusal(detail)) return 'edit'
  if (error !== 'invalid_client' || disabledAt !== null) return null
  if (usesSecret(authMethod)) return 'secrets'
  return authMethod === 'private_key_jwt' ? 'keys' : null
}
