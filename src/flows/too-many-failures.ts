/** The refusal of an attempt that is not even looked at. */

import { OAuthError } from '../protocol/errors.ts'

/** Of a name that exists and one that does not alike: it tells nothing. `what` is for the operator. */
export const tooManyFailures = (what: string, seconds: number) =>
  new OAuthError(
    'temporarily_unavailable',
    'Too many failed attempts. Wait a while and try again.',
    {
      status: 429,
      headers: { 'Retry-After': String(seconds) },
      detail: `${what} locked for ${seconds} s more`,
    },
  )
