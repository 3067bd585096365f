/** What each command of the administrator revokes: rows of `revocation`, families and codes. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { digest } from '../../src/crypto/digest.ts'
import { mintToken, type TokenKind } from '../../src/crypto/token.ts'
import type { SecretDigest } from '../../src/domain/ids.ts'
import { DEMO_REDIRECT_URI } from '../../src/local/demo.ts'
import { KEPT_LONGER_SECONDS } from '../../src/stores/revocation-statements.ts'
import { CLIENT_ROW, clientRegistry, insertGrant, userRegistry } from '../rows.ts'
import { IS_STOPPED, type ServedState, servedState } from './command-line.ts'
import { demoUser } from './person.ts'
import { runAdmin } from './project-programs.ts'
import { type RunningRegistry, startRegistry } from './running-registry.ts'

const LIFETIME_SECONDS = 7200
/** STALE_CLIENT_SECONDS, which is more than CLIENT_CACHE_SECONDS. */
const OLDEST_CLIENT_SECONDS = 60
type Row = { kind: string; subject: string; keptSeconds: number }

let state: ServedState
let clientId = ''
let userId = ''
beforeAll(async () => {
  state = await servedState()
  for (const name of ['a:b', 'c:d', 'e:f', 'x:y']) {
    await state.json(['scope', 'create', name, '--sentence', 'Read'])
  }
})
afterAll(() => state.close())
const SECRET_DIGEST = 'digest of a secret' as SecretDigest
beforeEach(async () => {
  const db = state.database
  clientId = await clientRegistry(db).create(CLIENT_ROW, SECRET_DIGEST, {
    mode: 'authorize',
    now: 1,
  })
  const person = { username: `user-${clientId}`, email: 'a@example.org', passwordHash: '' }
  userId = (await userRegistry(db).create({ ...person, scopes: [], endorsements: [] }, 1)) ?? ''
  await db.batch([
    db.prepare('DELETE FROM revocation'),
    db.prepare('DELETE FROM refresh_family'),
    db.prepare('DELETE FROM authorization_code'),
  ])
})

const nowSeconds = () => Math.floor(Date.now() / 1000)

const grant = () => insertGrant(state.database, { clientId, userId, now: nowSeconds() })

/** Runs a command. Returns its JSON, its revocations, and whether the earlier family and code are still valid. */
async function endedBy(words: readonly string[], stdin?: string) {
  const begunMs = Date.now()
  const answer = await state.admin([...words, '--json'], stdin)
  const overMs = Date.now()
  expect({ words, status: answer.status, stderr: answer.stderr }).toEqual({
    words,
    status: 0,
    stderr: '',
  })
  const { revocation, refresh_family, authorization_code } = await state.dump()
  const rows = (revocation ?? []).map((row) => row as Record<string, string & number>)
  for (const row of rows) {
    // D1 uses this machine's clock here, so the time is within the duration of the command.
    expect(row.revoked_at_ms).toBeGreaterThanOrEqual(begunMs)
    expect(row.revoked_at_ms).toBeLessThanOrEqual(overMs)
  }
  const isOurs = (row: unknown) => (row as { client_id: string }).client_id === clientId
  const [family] = (refresh_family ?? []).filter(isOurs) as { ended_at: number | null }[]
  const [code] = (authorization_code ?? []).filter(isOurs) as { spent_at: number | null }[]
  return {
    document: JSON.parse(answer.stdout) as Record<string, unknown>,
    rows: rows.map(
      ({ kind, subject, revoked_at_ms = 0, expires_at = 0 }): Row => ({
        kind: String(kind),
        subject: String(subject),
        keptSeconds: expires_at - Math.floor(revoked_at_ms / 1000) - KEPT_LONGER_SECONDS,
      }),
    ),
    family: family && (family.ended_at === null ? 'alive' : 'ended'),
    code: code && (code.spent_at === null ? 'good' : 'void'),
  }
}

const row = (kind: 'client' | 'client_record' | 'user', subject: string): Row => ({
  kind,
  subject,
  // A token may still be issued from a cached record, and then be valid for its full lifetime.
  keptSeconds: LIFETIME_SECONDS + (kind === 'client_record' ? OLDEST_CLIENT_SECONDS : 0),
})

describe('commands about a client', () => {
  const sessionsOnly = () => ({
    rows: [row('client_record', clientId)],
    family: 'alive',
    code: 'good',
  })
  const nothing = { rows: [], family: 'alive', code: 'good' }
  const everything = () => ({
    rows: [row('client_record', clientId)],
    family: 'ended',
    code: 'void',
  })

  it.each([
    [['withdraw', '--scope', 'a:b']],
    [['withdraw', '--endorsement', 'cs.*']],
    [['withdraw', '--grant-type', 'client_credentials']],
    [['update', '--scope', 'a:b']],
    [['update', '--scope', '']],
    [['update', '--endorsement', 'cs.DL']],
    [['update', '--grant-type', 'authorization_code refresh_token']],
    [['update', '--auth-method', 'none', '--grant-type', 'authorization_code refresh_token']],
    [['rotate-secret']],
    [['rotate-secret', '--overlap-seconds', '0']],
  ])(
    'the command %j on a client revokes its access tokens and nothing else',
    async ([verb = '', ...words]) => {
      await grant()
      const { document, ...ended } = await endedBy(['client', verb, clientId, ...words])
      expect(ended).toEqual(sessionsOnly())
    },
  )

  it("a client update that removes a redirect URI revokes the client's access tokens and codes", async () => {
    await grant()
    const words = ['client', 'update', clientId, '--redirect-uri', 'https://a.example/2']
    expect(await endedBy(words)).toMatchObject({ ...sessionsOnly(), code: 'void' })
  })

  it.each([
    [['withdraw', '--grant-type', 'authorization_code']],
    [['withdraw', '--grant-type', 'refresh_token']],
    [['update', '--grant-type', 'client_credentials']],
  ])(
    'the command %j on a client revokes its access tokens, codes and refresh tokens',
    async ([verb = '', ...words]) => {
      await grant()
      expect(await endedBy(['client', verb, clientId, ...words])).toMatchObject(everything())
    },
  )

  it.each([
    [['rotate-secret', '--overlap-seconds', '60']],
    [['authorize', '--scope', 'e:f']],
    [['update', '--name', 'Renamed']],
    [['update', '--scope', 'a:b c:d e:f']],
    [['update', '--scope', 'a:b:* c:d']],
    [['update', '--endorsement', '*.*']],
    [['update', '--scope', 'x:y', '--requested-only']],
    [['update', '--redirect-uri', 'https://a.example/1 https://a.example/2 https://a.example/3']],
    [['withdraw', '--scope', 'not:held']],
    [['enable']],
  ])('the command %j on a client revokes nothing', async ([verb = '', ...words]) => {
    await grant()
    expect(await endedBy(['client', verb, clientId, ...words])).toMatchObject(nothing)
  })

  it('client disable revokes every token and code, even of a concurrent request, and client enable restores nothing', async () => {
    await grant()
    expect(await endedBy(['client', 'disable', clientId])).toMatchObject(everything())
    const { revocation: disabled } = await state.dump()
    await state.json(['client', 'enable', clientId])
    const { refresh_family, revocation } = await state.dump()
    expect(refresh_family).toMatchObject([{ ended_at: expect.any(Number) }])
    // The revocation stays, but it is not in the future, so later sessions are valid.
    expect(revocation).toEqual(disabled)
  })

  it('client delete revokes every token and code, and keeps only the revocation', async () => {
    await grant()
    const { document, ...ended } = await endedBy(['client', 'delete', clientId])
    expect(ended).toEqual({
      rows: [row('client_record', clientId)],
      family: undefined,
      code: undefined,
    })
    expect(document).toMatchObject({ client_id: clientId, name: 'N' })
  })
})

describe('commands about a user', () => {
  it('user set-password revokes every session, token and code of the user', async () => {
    await grant()
    const words = ['user', 'set-password', userId, '--password-stdin']
    expect(await endedBy(words, 'another password\n')).toMatchObject({
      rows: [row('user', userId)],
      family: 'ended',
      code: 'void',
    })
  })

  it('user disable by id or name revokes every session, token and code, and user enable restores nothing', async () => {
    await grant()
    expect(await endedBy(['user', 'disable', `USER-${clientId}`])).toMatchObject({
      rows: [row('user', userId)],
      family: 'ended',
      code: 'void',
    })
    await state.json(['user', 'enable', userId])
    const { revocation } = await state.dump()
    expect(revocation).toMatchObject([{ kind: 'user', subject: userId }])
  })

  it('user create revokes nothing', async () => {
    await grant()
    const words = ['user', 'create', '--username', `other-${userId}`, '--email', 'b@example.org']
    const ended = await endedBy([...words, '--password', 'a long password'])
    expect(ended).toMatchObject({ rows: [], family: 'alive', code: 'good' })
  })
})

describe('session revoke', () => {
  it.each(['client', 'user'] as const)(
    'session revoke --%s revokes every token and code',
    async (kind) => {
      await grant()
      const subject = kind === 'client' ? clientId : userId
      expect(await endedBy(['session', 'revoke', `--${kind}`, subject])).toEqual({
        document: { revoked: true, effective_within_seconds: 70 },
        rows: [row(kind, subject)],
        family: 'ended',
        code: 'void',
      })
    },
  )

  it.each<TokenKind>(['accessToken', 'browserSession'])(
    'session revoke --token with an %s revokes only that session',
    async (kind) => {
      await grant()
      const token = mintToken(kind)
      expect(await endedBy(['session', 'revoke', '--token', token])).toMatchObject({
        document: { revoked: true, effective_within_seconds: 60 },
        rows: [{ kind: 'session', subject: await digest(token) }],
        family: 'alive',
        code: 'good',
      })
      expect((await state.dump()).revocation).toMatchObject([{ is_shown: 1 }])
    },
  )

  it('session revoke of an access token that was never issued succeeds, and of an unknown refresh token is refused', async () => {
    const revoke = (kind: TokenKind) =>
      state.admin(['session', 'revoke', '--token', mintToken(kind)])
    expect((await revoke('accessToken')).stdout).toMatch(/^revoked: +yes$/m)
    const help = (await state.admin(['session', 'revoke', '--help'])).stdout.replaceAll(/\s+/g, ' ')
    expect(help).toContain('`revoked` means that it is not valid now, not that it was ever issued')
    expect(await revoke('refreshToken')).toEqual({
      status: 1,
      stdout: '',
      stderr: 'error: there is no such refresh token\n',
    })
  })

  it('session revoke --token-stdin with a refresh token revokes its family', async () => {
    const { token, sessionKey } = await grant()
    const words = ['session', 'revoke', '--token-stdin']
    expect(await endedBy(words, `${token}\n`)).toMatchObject({
      document: { revoked: true, effective_within_seconds: 60 },
      rows: [{ kind: 'session', subject: sessionKey }],
      family: 'ended',
      code: 'good',
    })
    const text = await state.admin(['session', 'revoke', '--token', token])
    expect(text).toEqual({
      status: 0,
      stdout: 'revoked:                  yes\neffective_within_seconds: 60\n',
      stderr: '',
    })
  })

  it('session revoke stores a revocation for SESSION_LIFETIME_SECONDS of the running registry, or of its own environment if none runs', async () => {
    const env = { SESSION_LIFETIME_SECONDS: '600' }
    const words = ['session', 'revoke', '--client', clientId]
    await state.admin(words, undefined, env)
    const { revocation } = await state.dump()
    const [row] = revocation as { revoked_at_ms: number; expires_at: number }[]
    expect((row?.expires_at ?? 0) - Math.floor((row?.revoked_at_ms ?? 0) / 1000)).toBe(
      (IS_STOPPED ? 600 : LIFETIME_SECONDS) + KEPT_LONGER_SECONDS,
    )
    const bad = await state.admin(words, undefined, { SESSION_LIFETIME_SECONDS: 'long' })
    const refused = [
      1,
      'error: SESSION_LIFETIME_SECONDS: must be a whole number from 60 to 2592000\n',
    ]
    expect([bad.status, bad.stderr]).toEqual(IS_STOPPED ? refused : [0, ''])
  })
})

const besideRunning = () => {
  let running: RunningRegistry
  beforeAll(async () => {
    running = await startRegistry()
  })
  afterAll(() => running.end())

  /** In a separate process, which takes time: a revocation also covers tokens of the same millisecond. */
  async function administer(...words: string[]) {
    const env = { STATE_DIR: running.stateDir }
    const { status, stdout, stderr } = await runAdmin([...words, '--json'], env)
    expect([status, stderr]).toEqual([0, ''])
    return JSON.parse(stdout) as unknown
  }
  const check = async (token: string, query = '') => {
    const headers = { Authorization: `Bearer ${token}` }
    return (await fetch(`${running.authenticator}/auth${query}`, { headers })).status
  }
  const token = (fields: Record<string, string> = {}) =>
    running.tokenFor(running.demoClient, fields)
  /** The local KV is never stale, but an isolate caches the revocation document for ten seconds. */
  const expectKnown = (accessToken: string) =>
    expect.poll(() => check(accessToken), { interval: 250 }).toBe(401)

  it('session revoke --client is visible to a fresh check at once and to others within the bound, and later tokens are valid', async () => {
    const before = await token()
    expect([await check(before), await check(before, '?fresh')]).toEqual([200, 200])
    const answer = await administer('session', 'revoke', '--client', running.demo.clientId)
    expect(answer).toEqual({ revoked: true, effective_within_seconds: 70 })
    const after = await token()
    expect([await check(before, '?fresh'), await check(after, '?fresh')]).toEqual([401, 200])
    await expectKnown(before)
    expect(await check(after)).toBe(200)
  })

  it('session revoke --token is visible to every check at once', async () => {
    const revoked = await token()
    expect(await check(revoked)).toBe(200)
    await administer('session', 'revoke', '--token', revoked)
    expect([await check(revoked), await check(revoked, '?fresh')]).toEqual([401, 401])
  })

  it('the tokens of a user who is disabled and enabled again stay revoked', async () => {
    const { registry, demoClient, demo } = running
    const asked = new URLSearchParams({
      ...{ response_type: 'code', client_id: demoClient.id, redirect_uri: DEMO_REDIRECT_URI },
      ...{ scope: 'submission:read', state: 's' },
    })
    const url = `${registry}/authorize?${asked}`
    const person = demoUser(running)
    const sentBack = await person.visit(url)
    const accessToken = await token({
      grant_type: 'authorization_code',
      code: sentBack.searchParams.get('code') ?? '',
      redirect_uri: DEMO_REDIRECT_URI,
    })
    expect(await check(accessToken)).toBe(200)
    await administer('user', 'disable', demo.username)
    expect(await check(accessToken, '?fresh')).toBe(401)
    await expectKnown(accessToken)
    await administer('user', 'enable', demo.username)
    expect(await check(accessToken, '?fresh')).toBe(401)
  })
}
// The second run of these tests, on the state of a stopped registry, skips this part.
if (!IS_STOPPED) describe('revocation beside a running registry', besideRunning)
