/**
 * `/.well-known/oauth-authorization-server` (RFC 8414 §3) and `/jwks.json`, the public parts of SIGNING_KEYS (RFC 7517 §5).
 * Both are public: any cache may keep them, and any script may read them.
 */

import { algorithmOf, publicKeys } from '../crypto/signing-keys.ts'
import { GRANT_TYPES } from '../domain/client.ts'
import { KEY_SET_PATH, KEY_SET_SECONDS, KEY_SET_TYPE } from '../protocol/key-set.ts'
import { serverMetadata } from '../protocol/metadata.ts'
import type { Endpoint } from './endpoint.ts'

export const METADATA_PATH = '/.well-known/oauth-authorization-server'
/** The time is short, because an operator may declare and delete scopes and resources. */
const MAX_AGE_SECONDS = 300
const HEADERS = {
  'Content-Type': 'application/json',
  'Cache-Control': `public, max-age=${MAX_AGE_SECONDS}`,
}

/** The bodies by their lists: an isolate has the same lists until it reads them again. */
const bodies = new WeakMap<object, string>()

export const metadataEndpoint: Endpoint = {
  path: METADATA_PATH,
  allowsAnyOrigin: true,
  isRoutine: true,
  get: async (c, { issuer, supported, clientDocuments, signingKeys, registration }) => {
    const declared = await supported.read(c.get('request').nowMs)
    let body = bodies.get(declared)
    if (body === undefined) {
      const metadata = serverMetadata(issuer, GRANT_TYPES, {
        ...declared,
        clientDocuments: clientDocuments !== 'off',
        signingAlgorithm: signingKeys && algorithmOf(signingKeys[0]),
        registration,
      })
      body = JSON.stringify(metadata)
      bodies.set(declared, body)
    }
    return c.body(body, 200, HEADERS)
  },
}

/** Without signing keys the list is empty. This tells a service that no signed token is valid. */
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
