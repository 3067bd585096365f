/** A revocation covers a token that an isolate issues from a client record that it cached before the revocation. */

import { env } from 'cloudflare:workers'
import { expect, it } from 'vitest'
import { hexDigest } from '../../src/crypto/digest.ts'
import { revokeStatement } from '../../src/stores/revocation-statements.ts'
import { clientRegistry } from '../rows.ts'
import {
  credentialsOf,
  newClient,
  nowSeconds,
  post,
  serve,
  sessionOf,
  tokenIn,
} from './registry.ts'

const NEW_SECRET = 'the new secret, of more than 32 characters'
const aMoment = () => new Promise((resolve) => setTimeout(resolve, 2))

/** A client, and its access tokens from one isolate that caches its record. */
async function cachedClient() {
  const client = await newClient()
  const fetch = serve({ CLIENT_CACHE_SECONDS: 300 })
  const issue = async (secret = client.secret) =>
    (await tokenIn(await post('/token', credentialsOf({ ...client, secret }), {}, fetch)))
      .access_token
  return { client, issue }
}

it('a token that an isolate issues for a replaced secret is revoked, and a token for the new secret is valid', async () => {
  const { client, issue } = await cachedClient()
  const before = await issue()
  await aMoment()
  const digest = await hexDigest(NEW_SECRET)
  await clientRegistry(env.DB).rotateSecret(client.id, digest, 0, { now: nowSeconds() })
  await revokeStatement(env.DB, 'client', [client.id], 7200).run()
  await revokeStatement(env.DB, 'client_record', [client.id], 7200).run()
  await aMoment()
  const oldSecretToken = await issue()
  expect(oldSecretToken).toMatch(/^reg_/)
  const newSecretToken = await issue(NEW_SECRET)
  expect(await sessionOf(before)).toBeNull()
  expect(await sessionOf(oldSecretToken)).toBeNull()
  expect(await sessionOf(newSecretToken)).not.toBeNull()
})

it('a client whose sessions were revoked gets valid tokens afterwards, even from a cached record', async () => {
  const { client, issue } = await cachedClient()
  const before = await issue()
  await revokeStatement(env.DB, 'client', [client.id], 7200).run()
  // The moment of a cached record may lag D1's clock by the time that its read took.
  const asOf = async () => (await sessionOf(await issue()))?.client_as_of
  await expect.poll(asOf).toEqual(expect.any(String))
  expect(await sessionOf(before)).toBeNull()
})

it('a token from a client record that was cached before a secret rotation is revoked', async () => {
  const { client, issue } = await cachedClient()
  await aMoment()
  await issue()
  await aMoment()
  const ends = revokeStatement(env.DB, 'client_record', [client.id], 7200)
  const digest = await hexDigest(NEW_SECRET)
  await clientRegistry(env.DB).rotateSecret(client.id, digest, 0, {
    now: nowSeconds(),
    also: [ends],
  })
  const oldSecretToken = await issue()
  expect(oldSecretToken).toMatch(/^reg_/)
  expect(await sessionOf(oldSecretToken)).toBeNull()
})
