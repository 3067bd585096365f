/** The lifetime of an access token: the client's own one, at most SESSION_LIFETIME_SECONDS. */

import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { clientRegistry } from '../rows.ts'
import { issuedIn, newRefreshingClient, redeemCode, renewal } from './obtaining.ts'
import {
  credentialsOf,
  newClient,
  newUser,
  nowSeconds,
  obtainCode,
  post,
  requestOf,
  serve,
  sessionOf,
  signIn,
  type TestClient,
  type TokenBody,
} from './registry.ts'

/** `expires_in` of the response and the lifetime of the token's session, both in seconds. */
async function lifetimesOf({ access_token, expires_in }: TokenBody) {
  const session = await sessionOf(access_token)
  const { start_time = '', end_time = '' } = session ?? {}
  return [expires_in, (Date.parse(end_time) - Date.parse(start_time)) / 1000]
}
const forItself = async (client: TestClient, fetch = serve()) =>
  issuedIn(await post('/token', credentialsOf(client), {}, fetch))

describe('access token lifetime of one client', () => {
  it("a client's own lifetime applies to its access tokens from every grant, and expires_in states it", async () => {
    const client = await newRefreshingClient({ accessTokenLifetimeSeconds: 300 })
    expect(await lifetimesOf(await forItself(client))).toEqual([300, 300])
    const code = await obtainCode(await signIn(await newUser()), requestOf(client))
    const bought = await redeemCode(client, code)
    expect(await lifetimesOf(bought)).toEqual([300, 300])
    const renewed = await issuedIn(await renewal(client, bought.refresh_token))
    expect(await lifetimesOf(renewed)).toEqual([300, 300])
  })

  it("SESSION_LIFETIME_SECONDS limits a client's own lifetime, and applies to clients without one", async () => {
    const long = await newClient({ accessTokenLifetimeSeconds: 7201 })
    const [other, short] = [await newClient(), serve({ SESSION_LIFETIME_SECONDS: '600' })]
    expect(await lifetimesOf(await forItself(long))).toEqual([7200, 7200])
    expect(await lifetimesOf(await forItself(long, short))).toEqual([600, 600])
    expect(await lifetimesOf(await forItself(other))).toEqual([7200, 7200])
    expect(await lifetimesOf(await forItself(other, short))).toEqual([600, 600])
  })

  it('an access token gets the lifetime that the client record has when the token is issued', async () => {
    const client = await newClient()
    const change = (accessTokenLifetimeSeconds: number | null) =>
      clientRegistry(env.DB).update(
        client.id,
        { accessTokenLifetimeSeconds },
        {},
        { mode: 'authorize', now: nowSeconds() },
      )
    await change(120)
    expect((await forItself(client)).expires_in).toBe(120)
    await clientRegistry(env.DB).update(
      client.id,
      { name: 'N' },
      {},
      { mode: 'authorize', now: nowSeconds() },
    )
    expect((await forItself(client)).expires_in).toBe(120)
    await change(null)
    expect((await forItself(client)).expires_in).toBe(7200)
  })
})
