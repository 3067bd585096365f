/** Clients that registered themselves and are not used are disabled and deleted. */

import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { authorizeClient, enableClient, findClient } from '../../src/flows/registration/clients.ts'
import { housekeepingStore, sweepInTurns } from '../../src/stores/housekeeping.ts'
import { sweepsOf } from '../../src/stores/sweeps.ts'
import { DAY_SECONDS } from '../days.ts'
import { newDocument, visit } from './document-clients.ts'
import { admin, auditOf } from './registering.ts'
import { newClient, newUser, nowSeconds, post, refusal, signIn } from './registry.ts'
import { hostMetadata, type Information, OPEN, registered, tokensFor } from './self-registering.ts'

const CALLBACK = 'https://app.example/cb'

/** Runs housekeeping as of this many days from now. */
const daysLater = (days: number) =>
  sweepInTurns(
    housekeepingStore(env.DB),
    sweepsOf(400),
    nowSeconds() + days * DAY_SECONDS,
    (task) => {
      throw new Error(`${task} failed`)
    },
  )

const stateOf = async (clientId: string) => {
  const row = await env.DB.prepare('SELECT disabled_at FROM client WHERE client_id = ?1')
    .bind(clientId)
    .first<{ disabled_at: number | null }>()
  if (!row) return 'deleted'
  return row.disabled_at === null ? 'enabled' : 'disabled'
}

const register = () => registered(hostMetadata({ redirect_uris: [CALLBACK], scope: 'public:read' }))

async function use(client: Information) {
  await authorizeClient(admin(), client.client_id, { scopes: ['public:read'] })
  return tokensFor(client)
}

/** Moves the last use and the last change this many days into the past. */
const age = (clientId: string, days: number) =>
  env.DB.batch([
    env.DB.prepare(
      'UPDATE self_registered_client SET used_at = used_at - ?2, created_at = created_at - ?2 WHERE client_id = ?1',
    ).bind(clientId, days * DAY_SECONDS),
    env.DB.prepare('UPDATE client SET updated_at = updated_at - ?2 WHERE client_id = ?1').bind(
      clientId,
      days * DAY_SECONDS,
    ),
  ])

describe('a client that registered itself', () => {
  it('a registration that got no token is deleted after 3 days, and then /token answers invalid_client', async () => {
    const client = await register()
    await age(client.client_id, 2)
    await daysLater(0)
    expect(await stateOf(client.client_id)).toBe('enabled')
    await age(client.client_id, 2)
    await daysLater(0)
    expect(await stateOf(client.client_id)).toBe('deleted')
    const asked = { grant_type: 'refresh_token', refresh_token: 'x', client_id: client.client_id }
    expect(await refusal(await post('/token', asked, {}, OPEN))).toMatchObject({
      status: 401,
      error: 'invalid_client',
    })
    expect(await auditOf('client_id', client.client_id)).toEqual(['client.create', 'client.delete'])
  })

  it('a registration is kept for 3 more days after an operator approved something', async () => {
    const { client_id } = await register()
    await age(client_id, 4)
    await authorizeClient(admin(), client_id, { scopes: ['public:read'] })
    await daysLater(0)
    expect(await stateOf(client_id)).toBe('enabled')
  })

  it('a registration that has got tokens is disabled after 90 days without one, and deleted 30 days later', async () => {
    const client = await register()
    const { refresh_token } = await use(client)
    const { client_id } = client
    await age(client_id, 89)
    await daysLater(0)
    expect(await stateOf(client_id)).toBe('enabled')
    await age(client_id, 2)
    await daysLater(0)
    expect(await stateOf(client_id)).toBe('disabled')
    const refresh = { grant_type: 'refresh_token', refresh_token, client_id }
    expect(await refusal(await post('/token', refresh, {}, OPEN))).toMatchObject({
      status: 401,
      error: 'invalid_client',
    })
    expect(await auditOf('client_id', client_id)).toContain('client.disable')
    await env.DB.prepare('UPDATE refresh_family SET expires_at = 1 WHERE client_id = ?1')
      .bind(client_id)
      .run()
    await env.DB.prepare(
      'UPDATE self_registered_client SET unused_at = unused_at - 31 * 86400 WHERE client_id = ?1',
    )
      .bind(client_id)
      .run()
    // The first run removes its refresh tokens.
    await daysLater(0)
    await daysLater(0)
    expect(await stateOf(client_id)).toBe('deleted')
  })

  it('a refresh restarts the 90 days of a registration', async () => {
    const client = await register()
    const { refresh_token } = await use(client)
    const { client_id } = client
    await age(client_id, 89)
    await post('/token', { grant_type: 'refresh_token', refresh_token, client_id }, {}, OPEN)
    await env.DB.prepare('UPDATE client SET updated_at = 1 WHERE client_id = ?1')
      .bind(client_id)
      .run()
    await daysLater(2)
    expect(await stateOf(client_id)).toBe('enabled')
  })

  it('an operator who enables a registration restarts its 90 days', async () => {
    const client = await register()
    await use(client)
    const { client_id } = client
    await age(client_id, 91)
    await daysLater(0)
    expect(await stateOf(client_id)).toBe('disabled')
    await enableClient(admin(), client_id)
    await daysLater(80)
    expect(await stateOf(client_id)).toBe('enabled')
    expect((await findClient(admin(), client_id)).selfRegistered?.usedAt).not.toBeNull()
  })

  it('control: an unused client of an operator and an unused client of a metadata document are not deleted after 4 days', async () => {
    const ordinary = await newClient()
    const document = await newDocument()
    await visit(await signIn(await newUser()), document)
    const before = await Promise.all([ordinary, document].map(({ id }) => stateOf(id)))
    await daysLater(4)
    expect(await Promise.all([ordinary, document].map(({ id }) => stateOf(id)))).toEqual(before)
  })
})
