/** What an isolate issues from an older record of the client ends with the revocation that it did not know of. */

import { env } from 'cloudflare:workers'
import { expect, it } from 'vitest'
import { hexDigest } from '../../src/crypto/digest.ts'
import { clientRegistry } from '../../src/stores/client-registry.ts'
import { revokeStatement } from '../../src/stores/revocation-statements.ts'
import {
  credentialsOf,
  newClient,
  nowSeconds,
  post,
  serve,
  sessionOf,
  tokenIn,
} from './registry.ts'

it('a token bought with a secret that had been replaced ends; one bought with the new secret lives', async () => {
  const client = await newClient()
  const cached = serve({ CLIENT_CACHE_SECONDS: 300 })
  const buy = async (secret: string) =>
    (await tokenIn(await post('/token', credentialsOf({ ...client, secret }), {}, cached)))
      .access_token
  const before = await buy(client.secret)
  await new Promise((resolve) => setTimeout(resolve, 2))
  const digest = await hexDigest('the new secret, of more than 32 characters')
  await clientRegistry(env.DB).rotateSecret(client.id, digest, 0, nowSeconds())
  await revokeStatement(env.DB, 'client', [client.id], 7200).run()
  await revokeStatement(env.DB, 'client_record', [client.id], 7200).run()
  await new Promise((resolve) => setTimeout(resolve, 2))
  const thiefs = await buy(client.secret)
  expect(thiefs).toMatch(/^reg_/)
  const owners = await buy('the new secret, of more than 32 characters')
  expect(await sessionOf(before)).toBeNull()
  expect(await sessionOf(thiefs)).toBeNull()
  expect(await sessionOf(owners)).not.toBeNull()
})

it('a client whose sessions alone were revoked is issued good ones at once, whatever the isolate has kept', async () => {
  const client = await newClient()
  const cached = serve({ CLIENT_CACHE_SECONDS: 300 })
  const buy = async () =>
    (await tokenIn(await post('/token', credentialsOf(client), {}, cached))).access_token
  const before = await buy()
  await revokeStatement(env.DB, 'client', [client.id], 7200).run()
  await new Promise((resolve) => setTimeout(resolve, 2))
  const after = await buy()
  expect([await sessionOf(before), (await sessionOf(after))?.client_as_of]).toEqual([
    null,
    expect.any(String),
  ])
})

it('a record read after the act began, before it was committed, is an old one too', async () => {
  const client = await newClient()
  const cached = serve({ CLIENT_CACHE_SECONDS: 300 })
  const buy = async () =>
    (await tokenIn(await post('/token', credentialsOf(client), {}, cached))).access_token
  await new Promise((resolve) => setTimeout(resolve, 2))
  await buy()
  await new Promise((resolve) => setTimeout(resolve, 2))
  const ends = revokeStatement(env.DB, 'client_record', [client.id], 7200)
  const digest = await hexDigest('the new secret, of more than 32 characters')
  await clientRegistry(env.DB).rotateSecret(client.id, digest, 0, nowSeconds(), {
    also: [ends],
  })
  const thiefs = await buy()
  expect(thiefs).toMatch(/^reg_/)
  expect(await sessionOf(thiefs)).toBeNull()
})
