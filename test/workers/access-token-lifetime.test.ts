/** The lifetime of an access token: the client's own one, at most SESSION_LIFETIME_SECONDS. */

import { describe, expect, it } from 'vitest'
import { issuedIn, newRefreshingClient, redeemCode, renewal } from './obtaining.ts'
import { changeClient } from './registering.ts'
import {
  credentialsOf,
  newClient,
  newUser,
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
const machineTokens = async (client: TestClient, fetch = serve()) =>
  issuedIn(await post('/token', credentialsOf(client), {}, fetch))

describe('access token lifetime of one client', () => {
  it("a client's own lifetime applies to its access tokens from every grant, and expires_in states it", async () => {
    const client = await newRefreshingClient({ accessTokenLifetimeSeconds: 300 })
    expect(await lifetimesOf(await machineTokens(client))).toEqual([300, 300])
    const code = await obtainCode(await signIn(await newUser()), requestOf(client))
    const issued = await redeemCode(client, code)
    expect(await lifetimesOf(issued)).toEqual([300, 300])
    const renewed = await issuedIn(await renewal(client, issued.refresh_token))
    expect(await lifetimesOf(renewed)).toEqual([300, 300])
  })

  it("SESSION_LIFETIME_SECONDS limits a client's own lifetime, and applies to clients without one", async () => {
    const long = await newClient({ accessTokenLifetimeSeconds: 7201 })
    const [other, short] = [await newClient(), serve({ SESSION_LIFETIME_SECONDS: '600' })]
    expect(await lifetimesOf(await machineTokens(long))).toEqual([7200, 7200])
    expect(await lifetimesOf(await machineTokens(long, short))).toEqual([600, 600])
    expect(await lifetimesOf(await machineTokens(other))).toEqual([7200, 7200])
    expect(await lifetimesOf(await machineTokens(other, short))).toEqual([600, 600])
  })

  it('an access token gets the lifetime that the client record has when the token is issued', async () => {
    const client = await newClient()
    const change = (accessTokenLifetimeSeconds: number | null) =>
      changeClient(client.id, { fields: { accessTokenLifetimeSeconds } })
    await change(120)
    expect((await machineTokens(client)).expires_in).toBe(120)
    await changeClient(client.id, { fields: { name: 'N' } })
    expect((await machineTokens(client)).expires_in).toBe(120)
    await change(null)
    expect((await machineTokens(client)).expires_in).toBe(7200)
  })
})
