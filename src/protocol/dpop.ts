/** DPoP proofs (RFC 9449): does the sender of this request hold the private key? */

import { verifyProof } from '../crypto/client-jwt.ts'
import { digest, equalInConstantTime } from '../crypto/digest.ts'

/** RFC 9449 §11.1: the most by which `iat` may be before or after the registry's clock. */
const PROOF_WINDOW_SECONDS = 60
/** RFC 9449 §11.1: only a digest is stored, but a value that is longer than this is not accepted as an id. */
const MAX_JTI_LENGTH = 256

const THUMBPRINT = /^[A-Za-z0-9_-]{43}$/
const UNRESERVED = /^[A-Za-z0-9._~-]$/

type ProvenRequest = Readonly<{
  method: string
  /** The absolute URL, as the sender addressed it. */
  url: string
  /** The token that was sent with the proof to a protected resource (§4.3, `ath`); null at the token endpoint. */
  accessToken: string | null
}>

export type Proof = Readonly<{
  /** RFC 7638 thumbprint of the key that the sender holds. */
  jkt: string
  jti: string
  /** Whole epoch seconds: the same proof could be sent again until this moment. */
  expiresAt: number
}>

export const isThumbprint = (text: string) => THUMBPRINT.test(text)

/** The owner of a proof's id in the store of used ids. */
export const ownerOfProof = ({ jkt }: Pick<Proof, 'jkt'>) => `key ${jkt}`

/**
 * Checks §4.3 except whether the proof was used before, which a store decides. Returns a string that says, for the log,
 * which check failed. Several `DPoP` headers arrive as one value with a comma, which is not a JWT.
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
    return 'jti is missing or too long'
  }
  if (request.accessToken !== null) {
    const isBound =
      typeof ath === 'string' && equalInConstantTime(ath, await digest(request.accessToken))
    if (!isBound) return 'ath is not the digest of the access token'
  }
  const expiresAt = Math.ceil(iat) + PROOF_WINDOW_SECONDS + 1
  return { jkt: proven.thumbprint, jti, expiresAt }
}

/** §4.3 compares without query and fragment, after normalization by syntax and by scheme (RFC 3986 §6.2.2, §6.2.3). */
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
