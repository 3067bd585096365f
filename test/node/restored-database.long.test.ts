/** D1 that an operator has restored to an earlier time with the commands of docs/operate.md, while KV is unchanged. */

import { cp, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { DEMO_REDIRECT_URI } from '../../src/local/demo.ts'
import { temporaryDirectory } from './command-line.ts'
import { demoUser } from './person.ts'
import { type RunningRegistry, startRegistry } from './running-registry.ts'
import { databaseFileIn } from './state-database.ts'

let stateDir = ''
let backup = ''
let running: RunningRegistry
beforeAll(async () => {
  stateDir = await temporaryDirectory()
  backup = await temporaryDirectory()
  running = await startRegistry({ STATE_DIR: stateDir })
})
afterAll(async () => {
  await running.end()
  await Promise.all([stateDir, backup].map((path) => rm(path, { recursive: true, force: true })))
})

/** Changes the database between two starts. */
async function restarted(between: (folder: string) => Promise<void>) {
  await running.end()
  await between(dirname(databaseFileIn(stateDir)))
  running = await startRegistry({ STATE_DIR: stateDir })
}

async function post(path: string, fields: Record<string, string>) {
  const { id, secret } = running.demoClient
  const body = new URLSearchParams({ client_id: id, client_secret: secret, ...fields })
  const response = await fetch(`${running.registry}${path}`, { method: 'POST', body })
  return (await response.json()) as Record<string, string | boolean>
}
const renew = (token: string) =>
  post('/token', { grant_type: 'refresh_token', refresh_token: token })
const isActive = async (token: string) => (await post('/introspect', { token })).active

async function signIn() {
  const asked = new URLSearchParams({
    ...{ response_type: 'code', client_id: running.demoClient.id },
    ...{ redirect_uri: DEMO_REDIRECT_URI, scope: 'submission:read', state: 's' },
  })
  const back = await demoUser(running).visit(`${running.registry}/authorize?${asked}`)
  const code = back.searchParams.get('code') ?? ''
  const bought = await post('/token', {
    ...{ grant_type: 'authorization_code', code, redirect_uri: DEMO_REDIRECT_URI },
  })
  return { access: String(bought.access_token), refresh: String(bought.refresh_token) }
}

it('a restored D1 accepts refresh tokens that were redeemed or revoked since then, until the documented commands revoke all tokens', async () => {
  const spent = await signIn()
  const revoked = await signIn()
  await restarted((d1) => cp(d1, backup, { recursive: true }))
  const { refresh_token: successor } = await renew(spent.refresh)
  await running.administer('session', 'revoke', '--token', revoked.refresh)
  expect([await isActive(String(successor)), await isActive(revoked.refresh)]).toEqual([
    true,
    false,
  ])
  await restarted(async (d1) => {
    await rm(d1, { recursive: true })
    await cp(backup, d1, { recursive: true })
  })
  // Control: without the commands the tokens are accepted.
  expect([await isActive(spent.refresh), await isActive(revoked.refresh)]).toEqual([true, true])

  const clients = (await running.administer('client', 'list')) as { client_id: string }[]
  for (const { client_id } of clients) {
    await running.administer('session', 'revoke', '--client', client_id)
  }
  for (const token of [spent.refresh, revoked.refresh, String(successor)]) {
    expect(await isActive(token)).toBe(false)
    expect(await renew(token)).toMatchObject({ error: 'invalid_grant' })
  }
  const checked = await fetch(`${running.authenticator}/auth?fresh`, {
    headers: { Authorization: `Bearer ${spent.access}` },
  })
  expect(checked.status).toBe(401)
  expect((await renew((await signIn()).refresh)).token_type).toBe('Bearer')
})
