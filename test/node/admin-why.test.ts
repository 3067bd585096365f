/** `why ID`: what it prints about a refusal. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { housekeepingStore, sweepInTurns } from '../../src/stores/housekeeping.ts'
import type { Refused } from '../../src/stores/refusals.ts'
import { refusalStore } from '../../src/stores/refusals.ts'
import { sweepsOf } from '../../src/stores/sweeps.ts'
import { type ServedState, servedState } from './command-line.ts'

const now = () => Math.floor(Date.now() / 1000)

let state: ServedState
beforeAll(async () => {
  state = await servedState()
})
afterAll(() => state.close())

const record = async (change: Partial<Refused>) => {
  const refused = {
    correlationId: '7Q2K9D4M1X',
    refusedAt: now(),
    endpoint: 'POST /token',
    error: 'invalid_grant',
    detail: 'redirect_uri differs at character 31',
    clientId: 'client-1',
    ...change,
  }
  await refusalStore(state.database).record(refused)
}

describe('why', () => {
  it('why prints the time, endpoint, error and reason of a refusal, and the claimed client', async () => {
    await record({ refusedAt: now() - 60 })
    expect(await state.json(['why', '7Q2K9D4M1X'])).toEqual({
      correlation_id: '7Q2K9D4M1X',
      refused_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/),
      endpoint: 'POST /token',
      error: 'invalid_grant',
      detail: 'redirect_uri differs at character 31',
      client_id: 'client-1',
    })
    const { stdout } = await state.admin(['why', '7Q2K9D4M1X'])
    expect(stdout).toMatch(/^detail: +redirect_uri differs at character 31$/m)
  })

  it('why accepts a reference in lower case, with spaces and with look-alike letters', async () => {
    await record({ correlationId: 'A0B1C2D3E4' })
    expect(await state.json(['why', 'aob1-c2d3 e4'])).toMatchObject({
      correlation_id: 'A0B1C2D3E4',
    })
  })

  it.each([
    ['never given', 'ZZZZZZZZZZ'],
    ['no id at all', 'hello'],
    ['older than a day', 'AAAAAAAAAA'],
  ])('why reports a reference that is %s as unknown in one line', async (_, id) => {
    await record({ correlationId: 'AAAAAAAAAA', refusedAt: now() - 86_401 })
    const { status, stdout, stderr } = await state.admin(['why', id])
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toMatch(
      /^error: no refusal is recorded under "\w+": a record is kept for a day.*\n$/,
    )
    expect(stderr).toContain('log')
  })

  it('why reports a registry that it cannot reach, and not an unknown reference', async () => {
    const env = { ISSUER: 'http://127.0.0.1:9', XDG_CONFIG_HOME: state.stateDir }
    const machine = { REGISTRY_CLIENT_ID: 'm', REGISTRY_CLIENT_SECRET: 's' }
    const words = ['why', 'ZZZZZZZZZZ', '--remote']
    const { status, stderr } = await state.admin(words, undefined, { ...env, ...machine })
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^error: cannot reach /)])
  })

  it('why without a reference is wrong usage', async () => {
    expect((await state.admin(['why'])).status).toBe(2)
  })

  it('why --help has an example that works', async () => {
    const { stdout } = await state.admin(['why', '--help'])
    expect(stdout).toContain('npm run --silent admin -- why 7Q2K9D4M1X')
  })
})

describe('stored refusals', () => {
  it('a stored refusal is deleted after a day and not before', async () => {
    await record({ correlationId: 'BBBBBBBBBB', refusedAt: now() - 90_000 })
    await record({ correlationId: 'CCCCCCCCCC', refusedAt: now() - 80_000 })
    await sweepInTurns(housekeepingStore(state.database), sweepsOf(400), now(), () => {})
    const left = await state.database.prepare('SELECT refusal_id FROM refusal').all()
    const ids = left.results.map((row) => row.refusal_id)
    expect(ids).toContain('CCCCCCCCCC')
    expect(ids).not.toContain('BBBBBBBBBB')
  })
})
