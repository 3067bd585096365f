/** Signed access tokens that this isolate has verified: the second check of a token needs only a digest. */

import { signedTokenKeyOf, tokenDigestOf } from '../crypto/digest.ts'
import type { VerificationKeys } from '../crypto/signed-jwt.ts'
import type { SessionKey } from '../domain/ids.ts'
import { endOf, type SessionRecord } from '../domain/session.ts'
import { readAccessToken } from '../protocol/read-access-token.ts'
import { keepIn } from '../stores/isolate-memory.ts'

/** The most tokens, which bounds the memory: each has about 2 KiB. */
const MAX_VERIFIED = 1000

/** `key`: the key under which a revocation of this token alone is found. */
type SignedToken = Readonly<{ key: SessionKey; session: SessionRecord }>

export type SignedTokens = Readonly<{
  /** The session, which may have been revoked, or why the token is not valid. Throws if the keys cannot be known now. */
  read(token: string, nowMs: number): Promise<SignedToken | string>
}>

/** `signedWith` is the key that verified the token: the token is verified again if this key is no longer published. */
type Verified = SignedToken & Readonly<{ kid: string; signedWith: CryptoKey; endsAt: number }>

/** Returns the same session for the same token, so that a caller can cache what it derives from the session. */
export function signedTokens(keys: VerificationKeys, issuer: string): SignedTokens {
  const verified = new Map<string, Verified>()

  async function verify(token: string, nowMs: number): Promise<Verified | string> {
    let signed: Pick<Verified, 'kid' | 'signedWith'> | undefined
    const noting: VerificationKeys = {
      async find(kid) {
        const key = await keys.find(kid, nowMs)
        if (key) signed = { kid, signedWith: key }
        return key
      },
    }
    const session = await readAccessToken(token, { keys: noting, issuer, nowMs })
    if (typeof session === 'string') return session
    if (!signed) throw new Error('a token was verified without a key')
    const key = await signedTokenKeyOf(session.session_id)
    return { key, session, ...signed, endsAt: endOf(session) }
  }

  return {
    async read(token, nowMs) {
      const now = Math.floor(nowMs / 1000)
      const digest = await tokenDigestOf(token)
      const known = verified.get(digest)
      if (known && (await keys.find(known.kid, nowMs)) === known.signedWith) {
        return now < known.endsAt ? known : 'it has expired'
      }
      const found = await verify(token, nowMs)
      if (typeof found === 'string') return found
      keepIn(verified, digest, found, MAX_VERIFIED)
      return found
    },
  }
}
