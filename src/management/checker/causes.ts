/** The operator's words for a refusal, as an owner of the client reads them: nothing of other clients, nothing of users. */

import { TOO_WEAK } from '../../flows/authenticate-client.ts'
import { visible } from './masked.ts'

const NOT_OF_CLIENT =
  'The code or the token is none of this client: it is unknown, expired long ago, or was issued to another client.'
const NO_LONGER_HELD =
  'What the user granted no longer holds: the user, an owner or the operator has ended it.'

/** Which of several causes it was would say something of others. What an operator would do, an owner does in the portal. */
const SAID: ReadonlyMap<string, string> = new Map([
  [TOO_WEAK, 'It is a wrong secret, or one too weak to be accepted. Make a new one at “Secrets”.'],
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

/** A name that begins with a small letter. */
const IS_PARAMETER = /^(?:\w+_\w+|jti|iat|htm|htu|exp|aud)\b/

/** One sentence. */
export function causeOf(detail: string): string {
  const said = SAID.get(detail)
  if (said !== undefined) return said
  const text = visible(detail, 300)
  const sentence = IS_PARAMETER.test(text) ? text : text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`
}
