/** PKCE (RFC 7636), S256 only: does this verifier open this challenge? */

import { digest, equalInConstantTime } from '../crypto/digest.ts'
import { OAuthError } from './errors.ts'
import type { Fields } from './fields.ts'

const CHALLENGE = /^[A-Za-z0-9_-]{43}$/
const VERIFIER = /^[A-Za-z0-9._~-]{43,128}$/

/** The S256 challenge of an authorization request, or null. Throws `invalid_request` for anything else. */
export function readCodeChallenge(fields: Fields, mandatory: boolean): string | null {
  const challenge = fields.get('code_challenge')
  const method = fields.get('code_challenge_method')
  if (challenge === undefined) {
    if (mandatory || method !== undefined) {
      throw new OAuthError('invalid_request', 'The parameter code_challenge is missing.')
    }
    return null
  }
  // A missing method would mean `plain` (§4.3), which protects nothing: RFC 9700 §2.1.1.
  if (method !== 'S256') {
    throw new OAuthError('invalid_request', 'The parameter code_challenge_method must be S256.')
  }
  if (!CHALLENGE.test(challenge)) {
    throw new OAuthError(
      'invalid_request',
      'The parameter code_challenge is not an S256 challenge.',
    )
  }
  return challenge
}

/** Also false when only one of the two is there: RFC 9700 §4.8.2 forbids that downgrade. */
export async function opensChallenge(verifier: string | undefined, challenge: string | null) {
  if (verifier === undefined || challenge === null)
    return verifier === undefined && challenge === null
  return VERIFIER.test(verifier) && equalInConstantTime(await digest(verifier), challenge)
}
