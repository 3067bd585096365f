/** The registry's keys, which verify signed tokens, and the key that signs the JWTs for services. */

import { importSecret, type SharedKey, signJwt } from '../crypto/jws.ts'
import { signWith, type VerificationKeys } from '../crypto/signed-jwt.ts'
import { type PublicKeySet, publicKeys } from '../crypto/signing-keys.ts'
import { KEY_SET_PATH } from '../protocol/key-set.ts'
import { readKeys } from '../secrets.ts'
import { remoteVerificationKeys } from '../stores/verification-keys.ts'
import { logFault } from './log.ts'
import type { AuthenticatorEnv } from './settings.ts'

type KeySource = Pick<AuthenticatorEnv, 'ISSUER' | 'REGISTRY'>

/** Follows no redirect and does not use caches, because a removed key must disappear at once. */
const ask = ({ ISSUER, REGISTRY }: KeySource, signal: AbortSignal): Promise<Response> => {
  const request = new Request(`${ISSUER}${KEY_SET_PATH}`, { redirect: 'manual', signal })
  return REGISTRY ? REGISTRY.fetch(request) : fetch(request, { cache: 'no-store' })
}

export const registryKeys = (env: KeySource, timeoutSeconds: number): VerificationKeys =>
  remoteVerificationKeys({
    ask: (signal) => ask(env, signal),
    timeoutSeconds,
    tell: (fault) => logFault('key_set_not_read', fault),
  })

/** The `typ` is the same as under JWT_SECRET. An access token has another `typ`, so that neither is accepted as the other. */
const TYP = 'JWT'

type SessionSigner = Readonly<{
  sign(claims: object): Promise<string>
  /** The set is empty if JWT_SECRET signs. */
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
