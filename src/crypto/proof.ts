/** A JWT with its public key in its header, which proves that the signer holds the private key. */

import { compactVerify } from 'jose/jws/compact/verify'
import { digest } from './digest.ts'
import { holdsSecret, SIGNATURE_ALGORITHMS } from './signature-algorithms.ts'

/** RFC 7638 §3.2: the required members of each key type, in lexicographic order. */
const THUMBPRINT_MEMBERS: Readonly<Record<string, string[]>> = {
  EC: ['crv', 'kty', 'x', 'y'],
  OKP: ['crv', 'kty', 'x'],
  RSA: ['e', 'kty', 'n'],
}

type ProvenClaims = Readonly<{
  claims: Readonly<Record<string, unknown>>
  /** RFC 7638: base64url SHA-256, 43 characters. */
  thumbprint: string
}>

/** Null if the JWT is invalid. The caller checks its times. */
export async function verifyProof(jwt: string, typ: string): Promise<ProvenClaims | null> {
  try {
    let thumbprint = ''
    const algorithms = [...SIGNATURE_ALGORITHMS]
    const { payload } = await compactVerify(
      jwt,
      async (header) => {
        const { jwk } = header
        if (header.typ !== typ || !jwk || holdsSecret(jwk)) throw new TypeError('no proof')
        thumbprint = await digest(JSON.stringify(jwk, THUMBPRINT_MEMBERS[jwk.kty ?? ''] ?? []))
        return jwk
      },
      { algorithms },
    )
    const claims: unknown = JSON.parse(
      new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload),
    )
    return typeof claims === 'object' && claims !== null
      ? { claims: claims as ProvenClaims['claims'], thumbprint }
      : null
  } catch {
    // Nothing here calls storage or another service, so every failure is the caller's fault.
    return null
  }
}
