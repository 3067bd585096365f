/** A key and its DPoP proofs for any request (RFC 9449). */

import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { digest } from '../../src/crypto/digest.ts'

type Claims = Readonly<Record<'htm' | 'htu', string>> & Readonly<{ jti?: string }>

export async function newHolder() {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const jwk = await exportJWK(publicKey)
  return {
    jkt: await calculateJwkThumbprint(jwk),
    /** A new proof with these claims, and for this token. */
    async prove(claims: Claims, token?: string): Promise<string> {
      const ath = token === undefined ? {} : { ath: await digest(token) }
      return new SignJWT({ jti: crypto.randomUUID(), ...claims, ...ath })
        .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
        .setIssuedAt()
        .sign(privateKey)
    },
  }
}
