/** Commands of an administrator whose clock is wrong: D1's clock dates every revocation. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { mintToken } from '../../src/crypto/token.ts'
import type { SecretDigest } from '../../src/domain/ids.ts'
import { CLIENT_ROW, clientRegistry, insertGrant, userRegistry } from '../rows.ts'
import { commandLine, IS_STOPPED, type ServedState, servedState } from './command-line.ts'

let state: ServedState
let [clientId, userId, refreshToken] = ['', '', '']
let machine: Record<string, string> = {}
beforeAll(async () => {
  state = await servedState()
  const create = ['client', 'create', '--name', 'M', '--owner', 'o', '--scope', 'registry:admin']
  const made = await state.json<{ client_id: string; client_secret: string }>(create)
  machine = { REGISTRY_CLIENT_ID: made.client_id, REGISTRY_CLIENT_SECRET: made.client_secret }
})
afterAll(() => state.close())

const realNow = Date.now.bind(Date)
const SECRET_DIGEST = 'digest of a secret' as SecretDigest
beforeEach(async () => {
  const db = state.database
  const now = Math.floor(realNow() / 1000)
  clientId = await clientRegistry(db).create(CLIENT_ROW, SECRET_DIGEST, {
    mode: 'authorize',
    now: 1,
  })
  const person = { username: `user-${clientId}`, email: 'a@example.org', passwordHash: '' }
  const created = await userRegistry(db).create({ ...person, scopes: [], endorsements: [] }, 1)
  userId = created ?? ''
  await db.batch(
    ['revocation', 'refresh_family', 'authorization_code'].map((table) =>
      db.prepare(`DELETE FROM ${table}`),
    ),
  )
  refreshToken = (await insertGrant(db, { clientId, userId, now })).token
})
afterEach(() => {
  vi.useRealTimers()
})

type Row = Record<string, number | null>
type Act = Readonly<{ name: string; words: () => string[]; stdin?: () => string }>
const ACTS: readonly Act[] = [
  { name: 'session revoke --client', words: () => ['session', 'revoke', '--client', clientId] },
  { name: 'session revoke --user', words: () => ['session', 'revoke', '--user', userId] },
  {
    name: 'session revoke of a refresh token',
    words: () => ['session', 'revoke', '--token-stdin'],
    stdin: () => refreshToken,
  },
  {
    name: 'session revoke of an access token',
    words: () => ['session', 'revoke', '--token-stdin'],
    stdin: () => mintToken('accessToken'),
  },
  { name: 'client disable', words: () => ['client', 'disable', clientId] },
  { name: 'client delete', words: () => ['client', 'delete', clientId] },
  { name: 'client withdraw', words: () => ['client', 'withdraw', clientId, '--scope', 'a:b'] },
  {
    name: 'client update',
    words: () => ['client', 'update', clientId, '--grant-type', 'client_credentials'],
  },
  { name: 'client rotate-secret', words: () => ['client', 'rotate-secret', clientId] },
  { name: 'user disable', words: () => ['user', 'disable', userId] },
  {
    name: 'user set-password',
    words: () => ['user', 'set-password', userId, '--password-stdin'],
    stdin: () => 'a long password',
  },
]

/** Without a running registry the command changes D1 in its own process. */
const act = async (words: readonly string[], stdin?: string) =>
  IS_STOPPED
    ? state.admin(words, stdin)
    : commandLine([...words, '--remote'], {
        env: { ISSUER: state.registryUrl, XDG_CONFIG_HOME: state.stateDir, ...machine },
        ...(stdin !== undefined && { stdin }),
      })

describe.each([
  ['30 s slow', -30_000],
  ['60 s fast', 60_000],
  ['a day fast', 86_400_000],
])('from a machine whose clock is %s', (_clock, wrongByMs) => {
  it.each(ACTS)(
    'the revocation of "$name" from a machine with a wrong clock is dated by D1',
    async ({ words, stdin }) => {
      const begunMs = realNow()
      vi.useFakeTimers({ toFake: ['Date'], now: begunMs + wrongByMs })
      const { status, stderr } = await act(words(), stdin?.())
      vi.useRealTimers()
      const overMs = realNow()
      expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' })
      const rows = await state.dump()
      const dated = (table: string, column: string, unitMs: number) =>
        ((rows[table] ?? []) as Row[]).flatMap((row) => {
          const at = row[column]
          return at === null || at === undefined ? [] : [at * unitMs]
        })
      const moments = [
        ...dated('revocation', 'revoked_at_ms', 1),
        ...dated('refresh_family', 'ended_at', 1000),
        ...dated('authorization_code', 'spent_at', 1000),
      ]
      expect(moments.length).toBeGreaterThan(0)
      for (const moment of moments) {
        expect(moment).toBeGreaterThanOrEqual(Math.floor(begunMs / 1000) * 1000)
        expect(moment).toBeLessThanOrEqual(overMs)
      }
      const keptUntil = dated('revocation', 'expires_at', 1000)
      for (const until of keptUntil) expect(until).toBeGreaterThan(overMs + 7_200_000)
    },
  )

  it('a secret that a machine with a wrong clock replaces without overlap is invalid at once', async () => {
    const nowMs = realNow()
    vi.useFakeTimers({ toFake: ['Date'], now: nowMs + wrongByMs })
    await act(['client', 'rotate-secret', clientId])
    vi.useRealTimers()
    const sql = `SELECT expires_at FROM client_credential WHERE client_id = ?1 AND secret_digest = 'digest of a secret'`
    const endedAt = await state.database.prepare(sql).bind(clientId).first<number>('expires_at')
    expect(endedAt).toBeLessThanOrEqual(Math.floor(nowMs / 1000) - 30)
  })
})
