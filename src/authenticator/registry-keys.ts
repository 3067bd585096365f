/** The registry's public keys, for checks of signed tokens: over the service binding, or from the issuer. */

import type { VerificationKeys } from '../crypto/signed-jwt.ts'
import { KEY_SET_PATH } from '../protocol/key-set.ts'
import { remoteVerificationKeys } from '../stores/verification-keys.ts'
import { logFault } from './log.ts'
import type { AuthenticatorEnv } from './settings.ts'

type KeySource = Pick<AuthenticatorEnv, 'ISSUER' | 'REGISTRY'>

/** No redirect is followed, and no cache between is asked: a key that was dropped must be gone. */
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
