/** Unused clients with a metadata document are deleted after 90 days, unless an operator disabled them. */

import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { FORGET_DOCUMENT_SECONDS } from '../../src/domain/client-document.ts'
import { disableClient } from '../../src/flows/registration/clients.ts'
import { clientReader } from '../../src/stores/client-registry.ts'
import { housekeepingStore, sweepInTurns } from '../../src/stores/housekeeping.ts'
import { sweepsOf } from '../../src/stores/sweeps.ts'
import {
  declareOpenScope,
  newDocument,
  type Published,
  tokensFor,
  visit,
} from './document-clients.ts'
import { admin } from './registering.ts'
import { newClient, newUser, nowSeconds, signIn } from './registry.ts'

vi.spyOn(console, 'log').mockImplementation(() => {})

let cookie: string
beforeAll(async () => {
  await declareOpenScope()
  cookie = await signIn(await newUser())
})

const isThere = async (id: string) => (await clientReader(env.DB).find(id)) !== null

/** Runs cron as if this many seconds later. */
async function sweep(later: number) {
  const failed: string[] = []
  const now = nowSeconds() + later
  const swept = await sweepInTurns(housekeepingStore(env.DB), sweepsOf(400), now, (task) =>
    failed.push(task),
  )
  expect(failed).toEqual([])
  return swept.get('client_document')
}

async function seen(): Promise<Published> {
  const client = await newDocument()
  await visit(cookie, client)
  return client
}

describe('the sweep of clients with a metadata document', () => {
  it('an unused client with a metadata document is deleted after 90 days, with an audit row', async () => {
    const client = await seen()
    await sweep(FORGET_DOCUMENT_SECONDS - 60)
    expect(await isThere(client.id)).toBe(true)
    expect(await sweep(FORGET_DOCUMENT_SECONDS + 60)).toMatchObject({ leftOver: 0 })
    expect(await isThere(client.id)).toBe(false)
    const row = await env.DB.prepare(
      `SELECT actor, detail FROM audit WHERE client_id = ?1 AND event = 'client.delete'`,
    )
      .bind(client.id)
      .first()
    expect(row).toEqual({ actor: 'housekeeping', detail: '{"unused_days":90}' })
    expect((await visit(cookie, client)).status).toBe(200)
  })

  it('a token restarts the 90 days of a client with a metadata document', async () => {
    const client = await seen()
    await tokensFor(client, {}, cookie)
    await env.DB.prepare(
      'UPDATE self_registered_client SET created_at = created_at - ?2 WHERE client_id = ?1',
    )
      .bind(client.id, FORGET_DOCUMENT_SECONDS)
      .run()
    await sweep(0)
    expect(await isThere(client.id)).toBe(true)
    await sweep(FORGET_DOCUMENT_SECONDS + 60)
    expect(await isThere(client.id)).toBe(false)
  })

  it('a client that an operator disabled is not deleted, because its document would register it again', async () => {
    const client = await seen()
    await disableClient(admin(), client.id)
    await sweep(FORGET_DOCUMENT_SECONDS + 60)
    expect(await isThere(client.id)).toBe(true)
  })

  it('control: a client that an operator registered is not deleted', async () => {
    const { id } = await newClient()
    await sweep(2 * FORGET_DOCUMENT_SECONDS)
    expect(await isThere(id)).toBe(true)
  })
})
