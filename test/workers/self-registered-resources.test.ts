/** Resources and the day of use of clients that registered themselves. */

import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { authorizeClient } from '../../src/flows/registration/clients.ts'
import { updateResource } from '../../src/flows/registration/resources.ts'
import { isToday } from '../days.ts'
import { isActive, issuedIn, renewal } from './obtaining.ts'
import { admin } from './registering.ts'
import {
  CALLBACK,
  credentialsOf,
  newClient,
  newUser,
  obtainCode,
  PKCE,
  post,
  type RegisteredClient,
  redemptionOf,
  refusal,
  requestOf,
  signIn,
  tokenIn,
  withChallenge,
} from './registry.ts'
import { newResource } from './resources.ts'
import { markSelfRegistered } from './self-registering.ts'

/** A client that counts as registered by itself, with scopes that need no approval. */
async function selfRegistered(asked: Parameters<typeof newClient>[0] = {}) {
  const client = await newClient(asked)
  await markSelfRegistered(client.id)
  await env.DB.prepare('UPDATE client_authorization SET self_registered = 1 WHERE client_id = ?1')
    .bind(client.id)
    .run()
  return client
}

const tokenFor = (client: RegisteredClient, resource: string) =>
  post('/token', credentialsOf(client, { resource, scope: 'public:read' }))

const usedAtOf = async ({ id }: RegisteredClient) =>
  (
    await env.DB.prepare('SELECT used_at FROM self_registered_client WHERE client_id = ?1')
      .bind(id)
      .first<{ used_at: number | null }>()
  )?.used_at

describe('a resource and a client that registered itself', () => {
  it('a client that registered itself gets no token for a resource that does not admit self-registered clients', async () => {
    const resource = await newResource(['public:read'])
    const client = await selfRegistered()
    expect(await refusal(await tokenFor(client, resource))).toEqual({
      status: 400,
      error: 'invalid_target',
      token: undefined,
    })
    const control = await tokenFor(await newClient(), resource)
    expect(control.status).toBe(200)
  })

  it('a client that registered itself gets a token for a resource that admits self-registered clients', async () => {
    const resource = await newResource(['public:read'], { selfRegistered: true })
    expect((await tokenFor(await selfRegistered(), resource)).status).toBe(200)
  })

  it('a client that registered itself gets a token for a resource after an operator authorized one of its scopes', async () => {
    const resource = await newResource(['public:read'])
    const client = await selfRegistered()
    expect((await tokenFor(client, resource)).status).toBe(400)
    await authorizeClient(admin(), client.id, { scopes: ['public:read'] })
    const { access_token } = await tokenIn(await tokenFor(client, resource))
    expect(access_token).toMatch(/^reg_/)
  })

  it('a refresh token is refused and inactive once its resource no longer admits self-registered clients', async () => {
    const resource = await newResource(['submission:read'], { selfRegistered: true })
    const client = await selfRegistered({
      authMethod: 'none',
      grantTypes: ['authorization_code', 'refresh_token'],
    })
    const cookie = await signIn(await newUser())
    const asked = { ...requestOf(client), resource, ...withChallenge, redirect_uri: CALLBACK }
    const code = await obtainCode(cookie, asked)
    const redemption = redemptionOf(client, code, { code_verifier: PKCE.verifier })
    const first = await issuedIn(await post('/token', redemption))
    const { refresh_token } = await issuedIn(await renewal(client, first.refresh_token))
    const server = await newClient({ mayIntrospect: true })
    expect(await isActive(server, refresh_token)).toBe(true)
    await updateResource(admin(), resource, { selfRegistered: false })
    expect(await isActive(server, refresh_token)).toBe(false)
    expect(await refusal(await renewal(client, refresh_token))).toMatchObject({
      status: 400,
      error: 'invalid_grant',
    })
  })
})

describe('the day of use of a client that registered itself', () => {
  it('a redemption, a refresh and a client_credentials request each record the day of use of a self-registered client', async () => {
    const client = await selfRegistered({
      grantTypes: ['authorization_code', 'refresh_token', 'client_credentials'],
    })
    const forget = () =>
      env.DB.prepare('UPDATE self_registered_client SET used_at = 0 WHERE client_id = ?1')
        .bind(client.id)
        .run()
    const cookie = await signIn(await newUser())
    const code = await obtainCode(cookie, requestOf(client))
    expect(await usedAtOf(client)).toBeNull()
    const { refresh_token } = await issuedIn(await post('/token', redemptionOf(client, code)))
    expect(await usedAtOf(client)).toSatisfy(isToday)
    await forget()
    await renewal(client, refresh_token)
    expect(await usedAtOf(client)).toSatisfy(isToday)
    await forget()
    await env.DB.prepare('UPDATE client_credential SET last_used_at = NULL WHERE client_id = ?1')
      .bind(client.id)
      .run()
    await post('/token', credentialsOf(client, { scope: 'public:read' }))
    expect(await usedAtOf(client)).toSatisfy(isToday)
  })
})
