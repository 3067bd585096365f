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

it('a token that an isolate issues for a replaced secret is revoked, and a token for the new secret is valid', async () => {
  const client = await newClient()
  const cached = serve({ CLIENT_CACHE_SECONDS: 300 })
  const buy = async (secret: string) =>
    (await tokenIn(await post('/token', credentialsOf({ ...client, secret }), {}, cached)))
      .access_token
  const before = await buy(client.secret)
  await new Promise((resolve) => setTimeout(resolve, 2))
  const digest = await hexDigest('the new secret, of more than 32 characters')
  await clientRegistry(env.DB).rotateSecret(client.id, digest, 0, { now: nowSeconds() })
  await revokeStatement(env.DB, 'client', [client.id], 7200).run()
  await revokeStatement(env.DB, 'client_record', [client.id], 7200).run()
  await new Promise((resolve) => setTimeout(resolve, 2))
  const thiefToken = await buy(client.secret)
  expect(thiefToken).toMatch(/^reg_/)
  const ownerToken = await buy('the new secret, of more than 32 characters')
  expect(await sessionOf(before)).toBeNull()
  expect(await sessionOf(thiefToken)).toBeNull()
  expect(await sessionOf(ownerToken)).not.toBeNull()
})

it('a client whose sessions were revoked gets valid tokens afterwards, even from a cached record', async () => {
  const client = await newClient()
  const cached = serve({ CLIENT_CACHE_SECONDS: 300 })
  const buy = async () =>
    (await tokenIn(await post('/token', credentialsOf(client), {}, cached))).access_token
  const before = await buy()
  await revokeStatement(env.DB, 'client', [client.id], 7200).run()
  // The moment of a cached record may lag D1's clock by the time that its read took.
  const asOf = async () => (await sessionOf(await buy()))?.client_as_of
  await expect.poll(asOf).toEqual(expect.any(String))
  expect(await sessionOf(before)).toBeNull()
})

it('a token from a client record that was cached before a secret rotation is revoked', async () => {
  const client = await newClient()
  const cached = serve({ CLIENT_CACHE_SECONDS: 300 })
  const buy = async () =>
    (await tokenIn(await post('/token', credentialsOf(client), {}, cached))).access_token
  await new Promise((resolve) => setTimeout(resolve, 2))
  await buy()
  await new Promise((resolve) => setTimeout(resolve, 2))
  const ends = revokeStatement(env.DB, 'client_record', [client.id], 7200)
  const digest = await hexDigest('the new secret, of more than 32 characters')
  await clientRegistry(env.DB).rotateSecret(client.id, digest, 0, {
    now: nowSeconds(),
    also: [ends],
  })
  const thiefToken = await buy()
  expect(thiefToken).toMatch(/^reg_/)
  expect(await sessionOf(thiefToken)).toBeNull()
})
