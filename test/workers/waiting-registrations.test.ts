/** Clients that registered themselves without an access token, and wait for an operator: they get no token, and cause no writes but refusals. */

import { env } from 'cloudflare:workers'
import { beforeAll, expect, it } from 'vitest'
import { mintToken } from '../../src/crypto/token.ts'
import { authorizeClient } from '../../src/flows/registration/clients.ts'
import { writesTold } from './counting.ts'
import { asserting, assertionOf, type Key, keySetOf, newKey } from './keys.ts'
import { admin } from './registering.ts'
import { post, serve } from './registry.ts'
import { declareScopes, hostMetadata, type Information, registered } from './self-registering.ts'

beforeAll(declareScopes)

const { bindings, take } = writesTold()
const watched = serve(bindings)

const machine = { redirect_uris: [], grant_types: ['client_credentials'], response_types: [] }

type Kind = Readonly<{
  register: (key: Key) => Promise<Information>
  credentials: (client: Information, key: Key) => Promise<Record<string, string>>
}>

const KINDS: Readonly<Record<string, Kind>> = {
  'a secret': {
    register: () =>
      registered(hostMetadata({ ...machine, token_endpoint_auth_method: 'client_secret_post' })),
    credentials: async ({ client_id, client_secret = '' }) => ({ client_id, client_secret }),
  },
  'a key': {
    register: (key) =>
      registered(
        hostMetadata({
          ...machine,
          token_endpoint_auth_method: 'private_key_jwt',
          jwks: JSON.parse(keySetOf(key.jwk)),
        }),
      ),
    credentials: async ({ client_id }, key) =>
      asserting(await assertionOf(client_id as never, key)),
  },
}

const REQUESTS: Readonly<Record<string, () => Record<string, string>>> = {
  '/token': () => ({ grant_type: 'client_credentials' }),
  '/revoke': () => ({ token: mintToken('accessToken') }),
  '/introspect': () => ({ token: mintToken('accessToken') }),
}

it.each(
  Object.keys(KINDS).flatMap((kind) => Object.keys(REQUESTS).map((path) => [kind, path] as const)),
)(
  'a client with %s that waits for its first approval is refused at %s, and writes nothing but the refusal',
  async (kind, path) => {
    const { register, credentials } = KINDS[kind] as Kind
    const key = await newKey('ES256')
    const client = await register(key)
    const send = async () => {
      take()
      const fields = { ...REQUESTS[path]?.(), ...(await credentials(client, key)) }
      return post(path, fields, {}, watched)
    }
    const answer = await send()
    expect([answer.status, await answer.json()]).toEqual([
      400,
      expect.objectContaining({ error: 'unauthorized_client' }),
    ])
    await expect.poll(take).toEqual(['D1 INSERT refusal'])
    const usedAt = await env.DB.prepare(
      'SELECT used_at FROM self_registered_client WHERE client_id = ?1',
    )
      .bind(client.client_id)
      .first('used_at')
    expect(usedAt).toBeNull()
    // Control: the same request succeeds once the client is approved.
    await authorizeClient(admin(), client.client_id, { grantTypes: ['client_credentials'] })
    expect((await send()).status).toBe(200)
    expect(take()).not.toEqual([])
  },
)
