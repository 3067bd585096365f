/** What signs the JWTs for services: the authenticator's own keys or, without them, the secret that it shares with them. */

import { importSecret, type SharedKey, signJwt } from '../crypto/jws.ts'
import { signWith } from '../crypto/signed-jwt.ts'
import { type PublicKeySet, publicKeys } from '../crypto/signing-keys.ts'
import { readKeys } from '../secrets.ts'
import type { AuthenticatorEnv } from './settings.ts'

/** As under JWT_SECRET. An access token has another one, so that neither is taken for the other. */
const TYP = 'JWT'

type SessionSigner = Readonly<{
  sign(claims: object): Promise<string>
  /** Empty while JWT_SECRET signs. */
  publicKeys(): Promise<PublicKeySet>
}>

export function sessionSigner(
  env: Pick<AuthenticatorEnv, 'AUTHENTICATOR_KEYS' | 'JWT_SECRET'>,
): SessionSigner {
  const keys = readKeys('AUTHENTICATOR_KEYS', env)
  if (keys) {
    return {
      sign: (claims) => signWith(keys, TYP, claims),
      publicKeys: () => publicKeys(keys),
    }
  }
  let shared: SharedKey | undefined
  return {
    async sign(claims) {
      shared ??= await importSecret(env.JWT_SECRET ?? '')
      return signJwt(claims, shared)
    },
    publicKeys: () => publicKeys([]),
  }
}
