/** The fields of the consent form. */

import { requestPairs } from './authorization-request.ts'
import type { Fields } from './fields.ts'

type Pair = readonly [name: string, value: string]

/** The field of a tick: the ticked scopes of one sentence, separated by spaces. */
export const TICK = 'grant'
/** The field of a ticked endorsement. */
export const ENDORSEMENT_TICK = 'endorse'
/** The only fields that may be repeated. */
export const TICKS: readonly string[] = [TICK, ENDORSEMENT_TICK]
/** The field with the fingerprint of the terms that the page shows. */
export const SHOWN = 'shown'

/** The length of a token that `formToken` in src/http/form-token.ts makes. */
export const FORM_TOKEN_LENGTH = 60

/** The fields that the browser sends back unchanged. */
export const hiddenPairs = (fields: Fields, fingerprint: string, formToken: string): Pair[] => [
  ...requestPairs(fields),
  [SHOWN, fingerprint],
  ['form_token', formToken],
]

/** The length of the form's body if every box is ticked. */
export function consentFormBytes(
  fields: Fields,
  fingerprint: string,
  {
    scopes,
    endorsements,
  }: Readonly<{ scopes: readonly string[]; endorsements: readonly string[] }>,
) {
  const pairs = [
    ...hiddenPairs(fields, fingerprint, 'x'.repeat(FORM_TOKEN_LENGTH)),
    ...scopes.map((scope): Pair => [TICK, scope]),
    ...endorsements.map((endorsement): Pair => [ENDORSEMENT_TICK, endorsement]),
    ['confirm', 'cancel'],
  ]
  return new URLSearchParams(pairs.map((pair) => [...pair])).toString().length
}
