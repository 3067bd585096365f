/** The parameters of an authorization request as they arrived: which were repeated, and whether they fit into a form. */

import { fitsNextPage } from '../http/next-page.ts'
import { requestPairs } from '../protocol/authorization-request.ts'
import { TICKS } from '../protocol/consent-form.ts'
import { OAuthError } from '../protocol/errors.ts'
import {
  type Fields,
  firstFields,
  type Pairs,
  repeatedFields,
  repetition,
} from '../protocol/fields.ts'
import { ASKED_AT, demandsSignIn } from '../protocol/interaction.ts'

/** RFC 6749 §3.1 forbids repetition. If one of these two is repeated, the address of the redirect is not certain. */
const DECIDES_ADDRESS = ['client_id', 'redirect_uri']

const pageOf = (fields: Fields) =>
  `/authorize?${new URLSearchParams(requestPairs(fields).map((pair) => [...pair]))}`

const requestTooLong = () =>
  new OAuthError('invalid_request', 'The request is too long for the pages that it leads to.')

/** Throws if the address of the redirect is not certain. */
export function receiveAuthorization(pairs: Pairs, issuer: string, now: number) {
  const repeated = repeatedFields(pairs).filter((name) => !TICKS.includes(name))
  if (repeated.some((name) => DECIDES_ADDRESS.includes(name))) throw repetition(repeated)
  const fields = firstFields(pairs)
  const thisPage = pageOf(fields)
  const afterSignIn = demandsSignIn(fields)
    ? pageOf(new Map(fields).set(ASKED_AT, String(now)))
    : thisPage
  /** The sign-in page could not lead back to a request that is too long. */
  const tooLong = fitsNextPage(afterSignIn, issuer) ? null : requestTooLong()
  return {
    fields,
    thisPage,
    afterSignIn,
    tooLong,
    /** The fault of the fields as a whole. */
    malformed: repeated.length > 0 ? repetition(repeated) : tooLong,
  }
}
