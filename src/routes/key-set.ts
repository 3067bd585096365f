/** `/jwks.json`: the public parts of SIGNING_KEYS (RFC 7517 §5). Public, so anyone may keep it and any script read it. */

import { publicKeys } from '../crypto/signing-keys.ts'
import { KEY_SET_PATH, KEY_SET_SECONDS, KEY_SET_TYPE } from '../protocol/key-set.ts'
import type { Endpoint } from './endpoint.ts'

/** Without keys the list is empty, which tells a service that no signed token is valid. */
export const keySetEndpoint: Endpoint = {
  path: KEY_SET_PATH,
  allowsAnyOrigin: true,
  isRoutine: true,
  get: async (c, { signingKeys }) =>
    c.json(await publicKeys(signingKeys ?? []), 200, {
      'Content-Type': KEY_SET_TYPE,
      'Cache-Control': `public, max-age=${KEY_SET_SECONDS}`,
    }),
}
