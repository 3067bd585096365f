/** The holder of a key, who proves it to any request (RFC 9449). */

import { exportJWK, generateKeyPair, SignJWT } from 'jose'

/** The function makes a new proof with these claims. */
export async function newHolder() {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const jwk = await exportJWK(publicKey)
  return (claims: Readonly<Record<string, string>>) =>
    new SignJWT({ jti: crypto.randomUUID(), ...claims })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
      .setIssuedAt()
      .sign(privateKey)
}
