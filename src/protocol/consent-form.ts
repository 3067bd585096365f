/** The fields of the consent form. */

import { requestPairs } from './authorization-request.ts'
import type { Fields } from './fields.ts'

type Pair = readonly [name: string, value: string]

/** A ticked scope: the only field that may be repeated. */
export const TICK = 'grant'
/** The fingerprint of the terms that the page shows. */
export const SHOWN = 'shown'

/** As `formToken` in src/http/form-token.ts makes it. */
export const FORM_TOKEN_LENGTH = 60

/** The fields that the browser sends back unchanged. */
export const hiddenPairs = (fields: Fields, fingerprint: string, formToken: string): Pair[] => [
  ...requestPairs(fields),
  [SHOWN, fingerprint],
  ['form_token', formToken],
]

/** The length of the form's body with every box ticked. */
export function consentFormBytes(fields: Fields, fingerprint: string, scopes: readonly string[]) {
  const pairs = [
    ...hiddenPairs(fields, fingerprint, 'x'.repeat(FORM_TOKEN_LENGTH)),
    ...scopes.map((scope): Pair => [TICK, scope]),
    ['confirm', 'cancel'],
  ]
  return new URLSearchParams(pairs.map((pair) => [...pair])).toString().length
}
