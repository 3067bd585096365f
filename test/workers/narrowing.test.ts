/** A change that takes rights from a client or a user ends sessions, families and codes in the same batch. */

import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { randomId } from '../../src/crypto/random.ts'
import { isEndorsedFor } from '../../src/domain/category.ts'
import type { AuthMethod, GrantType } from '../../src/domain/client.ts'
import type { SecretDigest } from '../../src/domain/ids.ts'
import { holdsScope } from '../../src/domain/scope.ts'
import {
  type ClientNarrowing,
  clientNarrowing,
  hasEnded,
  secretNarrowing,
  type UserNarrowing,
  userNarrowing,
} from '../../src/stores/narrowing.ts'
import { clientRegistry } from '../rows.ts'
import { sampled } from '../sample.ts'
import { newClient, newUser, nowSeconds } from './registry.ts'

const LIFETIME_SECONDS = 7200
const jwks = (...ids: string[]) => JSON.stringify({ keys: ids.map((kid) => ({ kty: 'EC', kid })) })
const URIS = ['https://a.example/1', 'https://a.example/2']
const GRANTS: GrantType[] = ['authorization_code', 'client_credentials', 'refresh_token']
const REGISTERED = {
  redirectUris: URIS,
  scopes: ['a:b', 'c:d'],
  grantTypes: GRANTS,
  endorsements: ['cs.DL', 'math.*'],
}
const WITH_KEYS = {
  ...REGISTERED,
  authMethod: 'private_key_jwt' as AuthMethod,
  jwks: jwks('1', '2'),
}

/** A client with a live family and an unredeemed code. */
async function registered(client: typeof REGISTERED | typeof WITH_KEYS) {
  const { id } = await newClient(client)
  const now = nowSeconds()
  await env.DB.batch([
    env.DB.prepare(
      `INSERT INTO refresh_family (family_id, client_id, user_id, record, started_at, expires_at, last_used_at)
       VALUES (?1, ?2, 'u', '{}', ?3, ?4, ?3)`,
    ).bind(randomId(), id, now, now + 9999),
    env.DB.prepare(
      `INSERT INTO authorization_code (code_digest, client_id, user_id, record, expires_at)
       VALUES (?1, ?2, 'u', '{}', ?3)`,
    ).bind(randomId(), id, now + 9999),
  ])
  return id
}

const isTrue = async (sql: string, id: string) =>
  (await env.DB.prepare(sql).bind(id).first()) !== null
const revocationOf = (kind: string, id: string) =>
  isTrue(`SELECT 1 FROM revocation WHERE kind = '${kind}' AND subject = ?1`, id)

async function endedOf(id: string) {
  const ended: string[] = []
  if (await revocationOf('client_record', id)) ended.push('sessions')
  const families = 'SELECT 1 FROM refresh_family WHERE client_id = ?1 AND ended_at IS NOT NULL'
  if (await isTrue(families, id)) ended.push('families')
  const codes = 'SELECT 1 FROM authorization_code WHERE client_id = ?1 AND spent_at IS NOT NULL'
  if (await isTrue(codes, id)) ended.push('codes')
  return ended
}

async function endedBy(client: typeof REGISTERED | typeof WITH_KEYS, change: ClientNarrowing) {
  const [id, other] = [await registered(client), await registered(client)]
  const outcomes = await env.DB.batch(clientNarrowing(env.DB, id, change, LIFETIME_SECONDS))
  expect(await endedOf(other)).toEqual([])
  const ended = await endedOf(id)
  expect(hasEnded(outcomes)).toBe(ended.length > 0)
  return ended
}

type Replaced = Omit<ClientNarrowing, 'how'>
const replacing = (client: typeof REGISTERED | typeof WITH_KEYS, change: Replaced) =>
  endedBy(client, { how: 'replace', ...change })

describe('updates of a client', () => {
  it.each<[string, Replaced]>([
    ['its current record', { ...REGISTERED }],
    ['an empty change', {}],
    ['more scopes and endorsements', { scopes: ['a:b', 'c:d', 'e:f'], endorsements: ['*.*'] }],
    ['a scope that covers the one it replaces', { scopes: ['a:b:*', 'c:d'] }],
    ['another way to send the secret', { authMethod: 'client_secret_basic' }],
    ['both ways to send the secret', { authMethod: 'client_secret' }],
    ['the same scopes in another order', { scopes: ['c:d', 'a:b'] }],
  ])('a client that is updated to %s keeps everything, and nothing ends', async (_, change) => {
    expect(await replacing(REGISTERED, change)).toEqual([])
  })

  it('a client that gets one more key keeps everything, and nothing ends', async () => {
    expect(await replacing(WITH_KEYS, { jwks: jwks('2', '3', '1') })).toEqual([])
  })

  it.each<[string, Replaced]>([
    ['fewer scopes', { scopes: ['a:b'] }],
    ['no scope', { scopes: [] }],
    ['a scope for one resource', { scopes: ['a:b:1', 'c:d'] }],
    ['fewer endorsements', { endorsements: ['math.*'] }],
    ['a narrower endorsement', { endorsements: ['cs.DL', 'math.AG'] }],
    [
      'the other grant types without client_credentials',
      { grantTypes: ['authorization_code', 'refresh_token'] },
    ],
    ['no secret', { authMethod: 'none' }],
    ['keys instead of a secret', { authMethod: 'private_key_jwt', jwks: jwks('1') }],
  ])(
    'a client that is updated to %s loses its sessions, and neither families nor codes',
    async (_, change) => {
      expect(await replacing(REGISTERED, change)).toEqual(['sessions'])
    },
  )

  it.each<[string, Replaced]>([
    ['fewer keys', { jwks: jwks('1') }],
    ['another key', { jwks: jwks('1', '3') }],
    ['a secret instead of keys', { authMethod: 'client_secret_post' }],
  ])(
    'a client with keys that is updated to %s loses its sessions, and neither families nor codes',
    async (_, change) => {
      expect(await replacing(WITH_KEYS, change)).toEqual(['sessions'])
    },
  )

  it('a client that loses a redirect URI loses its sessions and its codes', async () => {
    const change = { redirectUris: ['https://a.example/1'], scopes: ['a:b'] }
    expect(await replacing(REGISTERED, change)).toEqual(['sessions', 'codes'])
  })

  it.each(['authorization_code', 'refresh_token'])(
    'a client that loses the grant type %s loses its sessions, families and codes',
    async (lost) => {
      const grantTypes = GRANTS.filter((grantType) => grantType !== lost)
      const ended = await replacing(REGISTERED, { grantTypes, redirectUris: [] })
      expect(ended).toEqual(['sessions', 'families', 'codes'])
    },
  )
})

describe('withdrawals from a client', () => {
  const withdrawing = (change: Replaced) => endedBy(REGISTERED, { how: 'withdraw', ...change })

  it.each<[string, Replaced, string[]]>([
    [
      'rights that a client does not hold',
      { scopes: ['x:y'], endorsements: ['hep-th'], grantTypes: [] },
      [],
    ],
    ['a scope of a client', { scopes: ['a:b'] }, ['sessions']],
    ['an endorsement of a client', { endorsements: ['math.*'] }, ['sessions']],
    ['the grant type client_credentials', { grantTypes: ['client_credentials'] }, ['sessions']],
    [
      'the grant type refresh_token',
      { grantTypes: ['refresh_token'] },
      ['sessions', 'families', 'codes'],
    ],
  ])('the withdrawal of %s ends only what depended on it', async (_, change, ended) => {
    expect(await withdrawing(change)).toEqual(ended)
  })

  it('the withdrawal of a scope that another scope of the client covers ends nothing', async () => {
    const wide = { ...REGISTERED, scopes: ['a:b', 'a:b:*'] }
    expect(await endedBy(wide, { how: 'withdraw', scopes: ['a:b'] })).toEqual([])
    expect(await endedBy(wide, { how: 'withdraw', scopes: ['a:b:*'] })).toEqual(['sessions'])
  })

  it('the withdrawal of a permission that was only requested ends nothing', async () => {
    const { id } = await newClient({ ...REGISTERED, requestedOnly: true })
    const change = { how: 'withdraw', scopes: ['a:b'], endorsements: ['math.*'] } as const
    await env.DB.batch(clientNarrowing(env.DB, id, change, LIFETIME_SECONDS))
    expect(await endedOf(id)).toEqual([])
  })
})

describe('the rules in SQL', () => {
  const SCOPES = [
    ...['a:b', 'a:b:*', 'a:b:1', 'a:b:1.2', 'a:b_', 'a:bb', 'a:b:%', 'a_:b', 'ab:b:*'],
    // Scopes without a hierarchy.
    ...[
      'a',
      'a:*',
      'a:',
      'a:b:',
      'a:b:1:*',
      'a:b:c:d',
      'A:b:*',
      'A:b:1',
      'a.c:b:*',
      'a.c:b:1',
      '*:*',
      '*',
    ],
  ]
  const CATEGORIES = ['*.*', 'cs.*', 'cs.DL', 'cs.D', 'hep-th', 'hep-th.*', 'hep.*', 'csx.DL', 'cs']

  it('SQL and TypeScript agree for every pair of scopes and of endorsements, for a client and for a user', async () => {
    const { id } = await newClient({ ...REGISTERED, scopes: [], endorsements: [] })
    const user = (await newUser({ scopes: [], endorsements: [] })).id
    const { DB } = env
    const ends = async (statements: D1PreparedStatement[], narrowing: D1PreparedStatement[]) =>
      hasEnded((await DB.batch([...statements, ...narrowing])).slice(statements.length))
    const lists = [
      {
        of: SCOPES,
        name: 'scopes',
        table: 'client_authorization',
        column: 'scope',
        covers: holdsScope,
      },
      {
        of: CATEGORIES,
        name: 'endorsements',
        table: 'client_endorsement',
        column: 'category',
        covers: isEndorsedFor,
      },
    ]
    for (const { of, name, table, column, covers } of lists) {
      const userTable = name === 'scopes' ? 'user_scope' : 'user_endorsement'
      for (const [index, held] of of.entries()) {
        // The same scope is among them.
        for (const left of sampled(of, 3, index)) {
          const change = { how: 'replace', [name]: [left] } as ClientNarrowing & UserNarrowing
          const ofClient = await ends(
            [
              DB.prepare(`DELETE FROM ${table} WHERE client_id = ?1`).bind(id),
              DB.prepare(
                `INSERT INTO ${table} (client_id, ${column}, requested_at, authorized_at) VALUES (?1, ?2, 1, 1)`,
              ).bind(id, held),
            ],
            clientNarrowing(DB, id, change, LIFETIME_SECONDS),
          )
          const ofUser = await ends(
            [
              DB.prepare(`DELETE FROM ${userTable} WHERE user_id = ?1`).bind(user),
              DB.prepare(`INSERT INTO ${userTable} (user_id, ${column}) VALUES (?1, ?2)`).bind(
                user,
                held,
              ),
            ],
            userNarrowing(DB, user, change, LIFETIME_SECONDS),
          )
          const expected = !covers([left], held)
          expect({ held, left, ofClient, ofUser }).toEqual({
            held,
            left,
            ofClient: expected,
            ofUser: expected,
          })
        }
      }
    }
  })
})

describe('narrowing of a user', () => {
  it.each<[string, UserNarrowing, boolean]>([
    ['who loses a scope', { how: 'withdraw', scopes: ['a:b'] }, true],
    ['who keeps one scope of two', { how: 'replace', scopes: ['c:d'] }, true],
    ['who keeps no endorsement', { how: 'replace', endorsements: [] }, true],
    ['who gets more', { how: 'replace', scopes: ['c:d', 'a:b', 'e:f'] }, false],
    ['who is renamed', { how: 'replace', username: 'another name' }, true],
    ['who gets another address', { how: 'replace', email: 'another@example.org' }, true],
    [
      'from whom a scope is withdrawn that was not held',
      { how: 'withdraw', scopes: ['x:y'] },
      false,
    ],
  ])(
    'the sessions of a user %s end if, and only if, the user has lost something',
    async (_, change, isOver) => {
      const held = { scopes: ['a:b', 'c:d'], endorsements: ['cs.*'] }
      const [user, other] = [await newUser(held), await newUser(held)]
      const narrowing = userNarrowing(env.DB, user.id, change, LIFETIME_SECONDS)
      expect(hasEnded(await env.DB.batch(narrowing))).toBe(isOver)
      expect(await revocationOf('user', user.id)).toBe(isOver)
      expect(await revocationOf('user', other.id)).toBe(false)
    },
  )
})

describe('simultaneous changes by two administrators', () => {
  it('an update that takes away what another administrator has just added ends the sessions that depended on the addition', async () => {
    const { id } = await newClient(REGISTERED)
    const registry = clientRegistry(env.DB)
    // Both have read the client before either writes; on what it has read, this update takes nothing away.
    const update = () => {
      const lists = { scopes: REGISTERED.scopes }
      const change = { how: 'replace', ...lists } as const
      const before = clientNarrowing(env.DB, id, change, LIFETIME_SECONDS)
      return registry.update(id, {}, lists, { mode: 'authorize', now: nowSeconds(), before })
    }
    expect((await update()).hasEnded).toBe(false)
    await registry.authorize(id, { scopes: ['e:f'] }, nowSeconds())
    const updated = await update()
    expect(updated.client?.scopes).toEqual(['a:b', 'c:d'])
    expect(updated.hasEnded).toBe(true)
    expect(await endedOf(id)).toEqual(['sessions'])
  })

  it('the second of two concurrent rotations ends the sessions that the secret of the first opened', async () => {
    const { id } = await newClient({ ...REGISTERED, authMethod: 'none' })
    const registry = clientRegistry(env.DB)
    await registry.update(
      id,
      { authMethod: 'client_secret_post' },
      {},
      { mode: 'authorize', now: nowSeconds() },
    )
    const rotate = (digest: string) => {
      const before = secretNarrowing(env.DB, id, LIFETIME_SECONDS)
      return registry.rotateSecret(id, digest as SecretDigest, 0, { now: nowSeconds(), before })
    }
    expect((await rotate('first')).hasEnded).toBe(false)
    const rotated = await rotate('second')
    expect(rotated.hasEnded).toBe(true)
    const good = rotated.client?.credentials.filter(({ expiresAt }) => expiresAt === null)
    expect(good?.map(({ secretDigest }) => secretDigest)).toEqual(['second'])
  })
})
