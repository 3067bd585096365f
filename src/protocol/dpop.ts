/** DPoP proofs (RFC 9449): does the sender of this request hold the private key? */

import { digest, equalInConstantTime } from '../crypto/digest.ts'
import { verifyProof } from '../crypto/proof.ts'
import { type Refusal, refusal } from './bearer.ts'

/** §11.1: how far `iat` may be from our clock, before or after. */
const PROOF_WINDOW_SECONDS = 60
/** §11.1. Only a digest is stored, but a longer value is not an id. */
const MAX_JTI_LENGTH = 256

const THUMBPRINT = /^[A-Za-z0-9_-]{43}$/
const UNRESERVED = /^[A-Za-z0-9._~-]$/

/** The request that the proof was sent with. */
type ProvenRequest = Readonly<{
  method: string
  /** Absolute, as the sender addressed it. */
  url: string
  /** At a protected resource: the token sent with the proof (§4.3, `ath`). */
  accessToken: string | null
}>

export type Proof = Readonly<{
  /** RFC 7638 thumbprint of the key that the sender holds. */
  jkt: string
  jti: string
  /** Whole epoch seconds: until then the same proof could be sent again. */
  expiresAt: number
}>

export const isThumbprint = (text: string) => THUMBPRINT.test(text)

/** The owner of a proof's id in the store of used ids. */
export const ownerOfProof = ({ jkt }: Proof) => `key ${jkt}`

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

const BOUND = 'The access token is bound to a key: present it with the scheme DPoP and a proof.'
const NOT_BOUND = 'The access token is not bound to a key: present it with the scheme Bearer.'

/** `why` is the end of a sentence, as `readProof` returns it. */
export const badProof = (why: string, needed: readonly string[] = []) =>
  refusal(
    'invalid_dpop_proof',
    `The DPoP proof is not valid for this request: ${why}.`,
    needed,
    'DPoP',
  )

/**
 * Null if the token and the proof belong together. §7.1, §7.2: a bound token MUST NOT be accepted as Bearer. An unbound
 * token is refused with a proof. `jkt` null: the token is not bound; `proof` null: it was presented as Bearer.
 */
export function bindingProblem(
  jkt: string | null,
  proof: Proof | null,
  needed: readonly string[] = [],
): Refusal | null {
  if ((jkt === null) !== (proof === null)) {
    return refusal('invalid_token', jkt === null ? NOT_BOUND : BOUND, needed, 'DPoP')
  }
  return proof && proof.jkt !== jkt ? badProof('the token is bound to another key', needed) : null
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
