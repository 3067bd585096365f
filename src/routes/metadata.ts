/** `/.well-known/oauth-authorization-server`: RFC 8414 §3. Public, so anyone may keep it and any script read it. */

import { algorithmOf } from '../crypto/signing-keys.ts'
import { GRANT_TYPES } from '../domain/client.ts'
import { serverMetadata } from '../protocol/metadata.ts'
import type { Endpoint } from './endpoint.ts'

export const METADATA_PATH = '/.well-known/oauth-authorization-server'
/** Short, because an operator may declare and delete scopes and resources. */
const MAX_AGE_SECONDS = 300
const HEADERS = {
  'Content-Type': 'application/json',
  'Cache-Control': `public, max-age=${MAX_AGE_SECONDS}`,
}

/** An isolate has the same lists until it reads them again. */
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
