/** A JWT with its public key in its header, which proves that the signer holds the private key. */

import { compactVerify } from 'jose/jws/compact/verify'
import { holdsSecret, SIGNATURE_ALGORITHMS } from './signature-algorithms.ts'
import { thumbprintOf } from './thumbprint.ts'

type ProvenClaims = Readonly<{
  claims: Readonly<Record<string, unknown>>
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
        thumbprint = await thumbprintOf(jwk)
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
