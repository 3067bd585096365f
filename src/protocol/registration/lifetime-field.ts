/** The lifetime of access tokens, as a field. */

import * as z from 'zod/mini'
import { quote } from './errors.ts'

/** KV keeps nothing for less than 60 s. */
const SHORTEST_TOKEN_SECONDS = 60
const LONGEST_TOKEN_SECONDS = 2_592_000

export const lifetimeSchema = (otherwise: string) => {
  const error = ({ input }: { readonly input?: unknown }) =>
    `{field} ${quote(input)} is not a whole number of seconds from ${SHORTEST_TOKEN_SECONDS} to ` +
    `${LONGEST_TOKEN_SECONDS}${otherwise}`
  return z
    .int({ error })
    .check(z.gte(SHORTEST_TOKEN_SECONDS, { error }), z.lte(LONGEST_TOKEN_SECONDS, { error }))
}

/** Otherwise the text, which the refusal quotes. */
export const secondsIn = (text: string) => {
  const seconds = Number(text)
  const isInRange = seconds >= SHORTEST_TOKEN_SECONDS && seconds <= LONGEST_TOKEN_SECONDS
  return /^\d+$/.test(text) && isInRange ? seconds : text
}

/** The lifetime of an access token. */
export const LIFETIME_FIELD = {
  flags: '--access-token-lifetime-seconds <n>',
  schema: lifetimeSchema(''),
  fromText: secondsIn,
}
