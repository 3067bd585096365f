/** The public keys that the registry, or the authenticator, publishes. */

import { KEY_SET_PATH } from '../protocol/key-set.ts'
import { remoteVerificationKeys } from '../stores/verification-keys.ts'
import { logFault } from './log.ts'
import type { registryOf } from './registry.ts'

/**
 * The keys are read at the first use, and kept. This code has a file of its own, which no published type names: a service
 * that has only the types of Node.js lacks the type `CryptoKey`.
 */
export const keysAt = ({ issuer, timeoutSeconds, send }: ReturnType<typeof registryOf>) =>
  remoteVerificationKeys({
    ask: (signal) => send(`${issuer}${KEY_SET_PATH}`, { redirect: 'manual', signal }),
    timeoutSeconds,
    tell: (fault) => logFault('key_set_not_read', fault),
  })
