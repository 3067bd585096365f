/** A user who loses rights: browser sessions and access tokens end, and refreshed and redeemed tokens get fewer scopes. */

import { env } from 'cloudflare:workers'
import { expect, it } from 'vitest'
import { userNarrowing } from '../../src/stores/narrowing.ts'
import { revocationStatements } from '../../src/stores/revocation-statements.ts'
import { userRegistry } from '../rows.ts'
import { issuedIn, renewal } from './obtaining.ts'
import {
  newClient,
  newUser,
  nowSeconds,
  obtainCode,
  post,
  redemptionOf,
  refusal,
  registry,
  requestOf,
  signIn,
} from './registry.ts'

const LIFETIME_SECONDS = 7200
const SCOPE = 'public:read submission:read'

/** A client, a user, the user's browser session, tokens of a first authorization, and a code of a second. */
async function connected() {
  const client = await newClient({ grantTypes: ['authorization_code', 'refresh_token'] })
  const user = await newUser()
  const cookie = await signIn(user)
  const request = requestOf(client, { scope: SCOPE })
  const redemption = redemptionOf(client, await obtainCode(cookie, request))
  const tokens = await issuedIn(await post('/token', redemption))
  const code = await obtainCode(cookie, request)
  const renew = () => renewal(client, tokens.refresh_token)
  const isSignedIn = async () =>
    (await registry('/account', { headers: { Cookie: cookie }, redirect: 'manual' })).status === 200
  return { client, user, tokens, code, renew, isSignedIn }
}

it('a scope withdrawn from a user ends the browser session and narrows what is redeemed and renewed', async () => {
  const { client, user, code, renew, isSignedIn } = await connected()
  expect(await isSignedIn()).toBe(true)
  const lists = { scopes: ['submission:read'] }
  const before = userNarrowing(env.DB, user.id, { how: 'withdraw', ...lists }, LIFETIME_SECONDS)
  const changed = await userRegistry(env.DB).withdraw(user.id, lists, nowSeconds(), {
    before,
    also: [],
  })
  expect(changed).toMatchObject({ hasEnded: true, user: { scopes: ['public:read'] } })
  expect(await isSignedIn()).toBe(false)
  const renewed = await issuedIn(await renew())
  expect(renewed.scope).toBe('public:read')
  const redeemed = await issuedIn(await post('/token', redemptionOf(client, code)))
  expect(redeemed.scope).toBe('public:read')
})

it('a code and a refresh token of a user who has lost every scope are refused', async () => {
  const { client, user, code, renew } = await connected()
  const lists = { scopes: [] }
  const before = userNarrowing(env.DB, user.id, { how: 'replace', ...lists }, LIFETIME_SECONDS)
  await userRegistry(env.DB).update(user.id, lists, nowSeconds(), { before, also: [] })
  for (const answer of [await renew(), await post('/token', redemptionOf(client, code))]) {
    expect(await refusal(answer)).toMatchObject({ status: 400, error: 'invalid_grant' })
  }
})

it('a user who gets more scopes keeps the browser session, and a revocation ends it', async () => {
  const { user, isSignedIn } = await connected()
  const lists = { scopes: ['upload:read_logs'] }
  await userRegistry(env.DB).authorize(user.id, lists, nowSeconds(), { before: [], also: [] })
  expect(await isSignedIn()).toBe(true)
  await env.DB.batch(
    revocationStatements(env.DB, { kind: 'user', userId: user.id }, LIFETIME_SECONDS),
  )
  expect(await isSignedIn()).toBe(false)
})

it('the deletion of a user ends the browser session, the code and the refresh token', async () => {
  const { client, user, code, renew, isSignedIn } = await connected()
  const before = revocationStatements(env.DB, { kind: 'user', userId: user.id }, LIFETIME_SECONDS)
  expect(await userRegistry(env.DB).delete(user.id, { before, also: [] })).toMatchObject({
    userId: user.id,
  })
  expect(await isSignedIn()).toBe(false)
  for (const answer of [await renew(), await post('/token', redemptionOf(client, code))]) {
    expect(await refusal(answer)).toMatchObject({ status: 400, error: 'invalid_grant' })
  }
  expect(await userRegistry(env.DB).delete(user.id, { before, also: [] })).toBeNull()
})
