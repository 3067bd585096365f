/** PKCE (RFC 7636), S256 only: the challenge, and whether a verifier matches it. */

import { digest, equalInConstantTime } from '../crypto/digest.ts'
import { OAuthError } from './errors.ts'
import type { Fields } from './fields.ts'
import { quoted } from './sanitize.ts'

const CHALLENGE = /^[A-Za-z0-9_-]{43}$/
const VERIFIER = /^[A-Za-z0-9._~-]{43,128}$/

/** The S256 challenge of an authorization request; null if there is none. Throws `invalid_request`. */
export function readCodeChallenge(fields: Fields, mandatory: boolean): string | null {
  const challenge = fields.get('code_challenge')
  const method = fields.get('code_challenge_method')
  if (challenge === undefined) {
    if (mandatory || method !== undefined) {
      throw new OAuthError(
        'invalid_request',
        'The parameter code_challenge is missing: this request needs PKCE with S256.',
      )
    }
    return null
  }
  // RFC 7636 §4.3: a missing method means `plain`, which gives no protection (RFC 9700 §2.1.1).
  if (method !== 'S256') {
    throw new OAuthError('invalid_request', 'The parameter code_challenge_method must be S256.', {
      detail: method === undefined ? 'no code_challenge_method' : `asked for ${quoted(method)}`,
    })
  }
  if (!CHALLENGE.test(challenge)) {
    throw new OAuthError(
      'invalid_request',
      'The parameter code_challenge is not an S256 challenge.',
    )
  }
  return challenge
}

/** Undefined if there is no verifier. Throws `invalid_request` for a malformed verifier (RFC 7636 §4.1). */
export function readCodeVerifier(fields: Fields): string | undefined {
  const verifier = fields.get('code_verifier')
  if (verifier === undefined || VERIFIER.test(verifier)) return verifier
  throw new OAuthError(
    'invalid_request',
    'The parameter code_verifier must be 43 to 128 characters: A-Z, a-z, 0-9, - . _ ~',
  )
}

/** For the operator; null if they match. RFC 9700 §4.8.2: either of them alone MUST be refused, to prevent a downgrade. */
export async function verifierProblem(
  verifier: string | undefined,
  challenge: string | null,
): Promise<string | null> {
  if (verifier === undefined) return challenge === null ? null : 'code_verifier is missing'
  if (challenge === null)
    return 'code_verifier without a code_challenge in the authorization request'
  const matches = equalInConstantTime(await digest(verifier), challenge)
  return matches ? null : 'code_verifier does not match'
}
