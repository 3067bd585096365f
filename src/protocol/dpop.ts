/** DPoP proofs (RFC 9449): does the sender of this request hold the key that it shows? */

import { digest, equalInConstantTime } from '../crypto/digest.ts'
import { verifyProof } from '../crypto/proof.ts'

/** How far `iat` may be from our clock, on either side: §11.1. */
const PROOF_WINDOW_SECONDS = 60
/** §11.1: only a digest is kept, but a longer one is no id either. */
const MAX_JTI_LENGTH = 256

const THUMBPRINT = /^[A-Za-z0-9_-]{43}$/
const UNRESERVED = /^[A-Za-z0-9._~-]$/

/** The request that a proof came with. */
export type ProvenRequest = Readonly<{
  method: string
  /** Absolute, as the sender addressed it. */
  url: string
  /** At a protected resource: the token that the proof came with (§4.3, `ath`). */
  accessToken: string | null
}>

export type Proof = Readonly<{
  /** RFC 7638 thumbprint of the key that the sender holds. */
  jkt: string
  jti: string
  /** Epoch seconds, whole: until then the same proof could be shown again. */
  expiresAt: number
}>

export const isThumbprint = (text: string) => THUMBPRINT.test(text)

/** Whose ids those of a proof are, among all that are used once. */
export const ownerOfProof = ({ jkt }: Proof) => `key ${jkt}`

/**
 * Everything of §4.3 but whether the proof was shown before: that is for a store to say. A string says for the
 * log which check failed. Several `DPoP` headers reach us as one value with a comma, which no JWT has.
 */
export async function readProof(
  header: string,
  request: ProvenRequest,
  now: number,
): Promise<Proof | string> {
  const proven = await verifyProof(header, 'dpop+jwt')
  if (!proven) return 'not a dpop+jwt that is signed with the public key in its header'
  const { htm, htu, iat, jti, ath } = proven.claims
  if (htm !== request.method) return 'htm is not the method of the request'
  const isSameUri = typeof htu === 'string' && sameUri(htu, request.url)
  if (!isSameUri) return 'htu is not the URI of the request'
  if (typeof iat !== 'number') return 'iat is missing'
  if (!(Math.abs(now - iat) <= PROOF_WINDOW_SECONDS)) return `iat is ${now - iat} s ago`
  if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI_LENGTH) {
    return 'jti is missing, or longer than an id'
  }
  if (request.accessToken !== null) {
    const isBound =
      typeof ath === 'string' && equalInConstantTime(ath, await digest(request.accessToken))
    if (!isBound) return 'ath is not the digest of the access token'
  }
  const expiresAt = Math.ceil(iat) + PROOF_WINDOW_SECONDS + 1
  return { jkt: proven.thumbprint, jti, expiresAt }
}

/** §4.3: without query and fragment, after normalization by syntax and by scheme (RFC 3986 §6.2.2, §6.2.3). */
function sameUri(left: string, right: string): boolean {
  const normal = normalUri(left)
  return normal !== null && normal === normalUri(right)
}

function normalUri(text: string): string | null {
  if (!URL.canParse(text)) return null
  const { protocol, origin, pathname } = new URL(text)
  if (!/^https?:$/.test(protocol)) return null
  return origin + pathname.replace(/%[0-9a-f]{2}/gi, normalEscape)
}

const normalEscape = (escaped: string) => {
  const character = String.fromCharCode(Number.parseInt(escaped.slice(1), 16))
  return UNRESERVED.test(character) ? character : escaped.toUpperCase()
}
