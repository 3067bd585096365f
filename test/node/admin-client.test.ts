/** `client VERB …`: the rows and the output of each command. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hexDigest } from '../../src/crypto/digest.ts'
import { isWellFormed } from '../../src/crypto/token.ts'
import type { ClientId } from '../../src/domain/ids.ts'
import { clientStore } from '../../src/stores/clients.ts'
import { type ServedState, servedState } from './command-line.ts'

type Shown = Record<string, unknown> & {
  credentials: { created_at: string; expires_at: string | null; last_used_at: string | null }[]
}

const CREATE = ['client', 'create', '--name', 'Helper', '--owner', 'u-17']
const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/

let state: ServedState
beforeAll(async () => {
  state = await servedState()
})
afterAll(() => state.close())

const create = (...words: string[]) =>
  state.json<{ client_id: string; client_secret?: string }>([...CREATE, ...words])
const show = (id: string) => state.json<Shown>(['client', 'show', id])
const asServerReads = (id: string) =>
  clientStore(state.database, () => state.database).find(id as ClientId)

describe('client create', () => {
  it('client create stores the value of every option as the registry reads it', async () => {
    const { client_id, client_secret = '' } = await create(
      ...['--url', 'https://helper.example/', '--description', 'It\'s a "helper"; DROP TABLE x'],
      ...['--redirect-uri', 'https://helper.example/cb https://helper.example/other'],
      ...['--redirect-uri', 'http://127.0.0.1:9000/cb', '--grant-type', 'authorization_code'],
      ...['--scope', 'submission:read  submission:create', '--scope', 'submission:read:*'],
      ...['--endorsement', 'cs.* math.AG', '--auth-method', 'client_secret_basic'],
      ...['--require-pkce', '--may-introspect'],
    )
    expect(isWellFormed('clientSecret', client_secret)).toBe(true)
    const client = await asServerReads(client_id)
    expect(client).toMatchObject({
      clientId: client_id,
      name: 'Helper',
      ownerId: 'u-17',
      url: 'https://helper.example/',
      description: 'It\'s a "helper"; DROP TABLE x',
      authMethod: 'client_secret_basic',
      requirePkce: true,
      mayIntrospect: true,
      disabledAt: null,
      redirectUris: [
        'http://127.0.0.1:9000/cb',
        'https://helper.example/cb',
        'https://helper.example/other',
      ],
      credentials: [
        {
          secretDigest: await hexDigest(client_secret),
          createdAt: expect.any(Number),
          expiresAt: null,
          lastUsedAt: null,
        },
      ],
      scopes: ['submission:create', 'submission:read', 'submission:read:*'],
      grantTypes: ['authorization_code'],
      endorsements: ['cs.*', 'math.AG'],
    })
  })

  it.each([
    { words: [], grantTypes: ['client_credentials'] },
    {
      words: ['--redirect-uri', 'https://a.example/cb'],
      grantTypes: ['authorization_code', 'client_credentials'],
    },
    {
      words: ['--auth-method', 'none', '--redirect-uri', 'com.example.app:/cb'],
      grantTypes: ['authorization_code'],
    },
    { words: ['--auth-method', 'none'], grantTypes: [] },
  ])(
    'client create with $words and without --grant-type registers $grantTypes',
    async ({ words, grantTypes }) => {
      const { client_id } = await create(...words)
      expect(await show(client_id)).toMatchObject({ grant_types: grantTypes })
    },
  )

  it('client create for a public client creates no secret', async () => {
    const created = await create('--auth-method', 'none')
    expect(Object.keys(created)).toEqual(['client_id'])
    expect((await show(created.client_id)).credentials).toEqual([])
  })

  it('client create with --requested-only authorizes nothing until client authorize', async () => {
    const words = ['--scope', 'a:b c:d', '--endorsement', 'cs.DL', '--requested-only']
    const { client_id } = await create(...words)
    expect(await show(client_id)).toMatchObject({
      scopes: [],
      grant_types: [],
      endorsements: [],
      requested_scopes: ['a:b', 'c:d'],
      requested_grant_types: ['client_credentials'],
      requested_endorsements: ['cs.DL'],
    })
    expect(await asServerReads(client_id)).toMatchObject({ scopes: [], grantTypes: [] })
    const given = ['--scope', 'a:b', '--grant-type', 'client_credentials']
    expect(await state.json(['client', 'authorize', client_id, ...given])).toMatchObject({
      scopes: ['a:b'],
      grant_types: ['client_credentials'],
      requested_scopes: ['c:d'],
      requested_grant_types: [],
    })
  })

  it('client create without --json prints the registered client and its secret', async () => {
    const { stdout, stderr } = await state.admin(CREATE)
    expect(stdout).toMatch(
      /^client_id: +\S+\nname: +Helper\n[\s\S]*\nclient_secret: +regs_\S{49}\n$/,
    )
    expect(stderr).toBe('')
  })
})

describe('client list and client show', () => {
  it('client list filters by kind and by open requests, and client revoke-registration-token revokes the registration access token', async () => {
    const { client_id: own } = await create('--scope', 'a:b')
    const { client_id: waiting } = await create('--scope', 'c:d', '--requested-only')
    const { client_id: registered } = await create('--scope', 'a:b')
    await state.database.batch([
      state.database
        .prepare(
          `INSERT INTO self_registered_client (client_id, kind, created_at) VALUES (?1, 'registration', 1)`,
        )
        .bind(registered),
      state.database
        .prepare('INSERT INTO client_registration (client_id, token_digest) VALUES (?1, ?1)')
        .bind(registered),
    ])
    const listed = async (...words: string[]) =>
      ((await state.json(['client', 'list', ...words])) as { client_id: string }[]).map(
        ({ client_id }) => client_id,
      )
    expect(await listed('--kind', 'registration')).toContain(registered)
    expect(await listed('--kind', 'registration')).not.toContain(own)
    expect(await listed('--kind', 'operator')).not.toContain(registered)
    expect(await listed('--kind', 'document')).toEqual([])
    expect(await listed('--requests')).toContain(waiting)
    expect(await listed('--requests')).not.toContain(own)
    expect((await state.admin(['client', 'list', '--kind', 'other'])).status).toBe(2)
    expect(await show(registered)).toMatchObject({
      self_registered: 'registration',
      has_registration_token: true,
    })
    expect(await state.json(['client', 'revoke-registration-token', registered])).toMatchObject({
      has_registration_token: false,
    })
  })

  it('client list --requests prints the client with the oldest request first, with the number of requests and the time of the oldest', async () => {
    const ids: string[] = []
    for (const requestedAt of [3, 1, 2]) {
      const { client_id } = await create('--scope', 'old:one old:two', '--requested-only')
      await state.database
        .prepare('UPDATE client_authorization SET requested_at = ?2 WHERE client_id = ?1')
        .bind(client_id, requestedAt)
        .run()
      ids.push(client_id)
    }
    const [third, first, second] = ids
    const listed = await state.json<{ client_id: string }[]>(['client', 'list', '--requests'])
    expect(listed.slice(0, 3).map(({ client_id }) => client_id)).toEqual([first, second, third])
    const { stdout } = await state.admin(['client', 'list', '--requests', '--limit', '1'])
    const [heading = '', row = ''] = stdout.split('\n')
    expect(heading.split(/ +/)).toEqual(
      expect.arrayContaining(['client_id', 'owner_id', 'waiting_since', 'requests']),
    )
    expect(row.split(/ +/)).toEqual(
      expect.arrayContaining([first, 'u-17', '1970-01-01T00:00:01.000Z', '3']),
    )
    const behind = await state.json<{ client_id: string }[]>([
      'client',
      'list',
      '--requests',
      '--after',
      String(first),
    ])
    expect(behind.map(({ client_id }) => client_id)).toEqual(
      listed.slice(1).map(({ client_id }) => client_id),
    )
    const { status, stderr } = await state.admin(['client', 'list', '--requests', '--after', 'x'])
    expect([status, stderr]).toEqual([1, expect.stringContaining('the id of a client that waits')])
  })

  it('client list and client show print every field of a client except secrets', async () => {
    const { client_id, client_secret = '' } = await create('--scope', 'a:b')
    const shown = await show(client_id)
    expect(shown).toEqual({
      default_resources: [],
      further_owners: [],
      decisions: [],
      approved_at: shown.created_at,
      changed_since_approval: [],
      disabled_by_owner: false,
      listing: null,
      client_id,
      name: 'Helper',
      owner_id: 'u-17',
      url: '',
      description: '',
      auth_method: 'client_secret',
      jwks: null,
      require_pkce: false,
      require_dpop: false,
      may_introspect: false,
      access_token_lifetime_seconds: null,
      ...{ logo_uri: '', tos_uri: '', policy_uri: '', contacts: [], software_id: '' },
      ...{ software_version: '', application_type: 'web', jwks_uri: '' },
      ...{ self_registered: null, has_registration_token: false, used_at: null },
      redirect_uris: [],
      grant_types: ['client_credentials'],
      scopes: ['a:b'],
      endorsements: [],
      requested_grant_types: [],
      requested_scopes: [],
      requested_endorsements: [],
      permissions: [
        ...[
          { kind: 'scope', value: 'a:b' },
          { kind: 'grant_type', value: 'client_credentials' },
        ].map((permission) => ({
          ...permission,
          requested_at: expect.stringMatching(ISO_TIME),
          authorized_at: expect.stringMatching(ISO_TIME),
        })),
      ],
      credentials: [
        { created_at: expect.stringMatching(ISO_TIME), expires_at: null, last_used_at: null },
      ],
      created_at: expect.stringMatching(ISO_TIME),
      updated_at: expect.stringMatching(ISO_TIME),
      disabled_at: null,
    })
    const digest = await hexDigest(client_secret)
    for (const words of [
      ['client', 'list'],
      ['client', 'show', client_id],
    ]) {
      for (const form of [[], ['--json']]) {
        const { stdout } = await state.admin([...words, ...form])
        expect(stdout).toContain(client_id)
        expect(stdout).not.toContain(client_secret)
        expect(stdout).not.toContain(digest)
      }
    }
  })

  it('client list prints more clients than one page holds', async () => {
    const before = await state.json<unknown[]>(['client', 'list'])
    await state.database
      .prepare(
        `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 450)
         INSERT INTO client (client_id, name, owner_id, created_at, updated_at)
         SELECT 'many-' || i, 'Many', 'u', i, i FROM n`,
      )
      .run()
    const after = await state.json<{ client_id: string }[]>(['client', 'list'])
    expect(after).toHaveLength(before.length + 450)
    expect(new Set(after.map(({ client_id }) => client_id)).size).toBe(after.length)
    const ids = after.map(({ client_id }) => client_id)
    expect(ids).toEqual([...ids].sort())
    await state.database.prepare(`DELETE FROM client WHERE name = 'Many'`).run()
  })

  it('client list escapes the control characters of a client name', async () => {
    const words = ['client', 'create', '--name', 'red\u001b[31m', '--owner', 'u']
    const { client_id } = await state.json<{ client_id: string }>(words)
    const { stdout } = await state.admin(['client', 'show', client_id])
    expect(stdout).not.toContain('\u001b')
    expect(stdout).toContain('red\\u001b[31m')
  })
})

describe('client update', () => {
  it('client update changes the given fields and no others', async () => {
    const redirect = ['--redirect-uri', 'https://a.example/cb']
    const { client_id } = await create('--scope', 'a:b', '--require-pkce', ...redirect)
    const before = await show(client_id)
    const words = ['client', 'update', client_id, '--name', 'Renamed', '--no-require-pkce']
    expect(await state.json(words)).toEqual({
      ...before,
      name: 'Renamed',
      changed_since_approval: ['name'],
      require_pkce: false,
      updated_at: expect.stringMatching(ISO_TIME),
    })
  })

  it('client update with an empty --url clears the URL', async () => {
    const { client_id } = await create('--url', 'https://a.example/')
    expect(await show(client_id)).toMatchObject({ url: 'https://a.example/' })
    await state.json(['client', 'update', client_id, '--url', ''])
    expect(await show(client_id)).toMatchObject({ url: '' })
  })

  it('client update replaces a given list of scopes, and with --requested-only replaces only the requested scopes', async () => {
    const { client_id } = await create(
      '--scope',
      'a:b c:d',
      '--redirect-uri',
      'https://a.example/1',
    )
    const update = ['client', 'update', client_id]
    await state.json([...update, '--scope', 'wish:one', '--requested-only'])
    const redirect = ['--redirect-uri', 'https://a.example/2 https://a.example/3']
    expect(await state.json([...update, '--scope', 'c:d e:f', ...redirect])).toMatchObject({
      scopes: ['c:d', 'e:f'],
      requested_scopes: ['wish:one'],
      redirect_uris: ['https://a.example/2', 'https://a.example/3'],
    })
    const wishes = [...update, '--scope', 'wish:two c:d', '--requested-only']
    expect(await state.json(wishes)).toMatchObject({
      scopes: ['c:d', 'e:f'],
      requested_scopes: ['wish:two'],
    })
    expect(await state.json([...update, '--scope', ''])).toMatchObject({
      scopes: [],
      requested_scopes: ['wish:two'],
    })
  })

  it('client update sets the lifetime of access tokens, keeps it in other updates and clears it with ""', async () => {
    const option = '--access-token-lifetime-seconds'
    const { client_id } = await create(option, '60')
    expect((await show(client_id)).access_token_lifetime_seconds).toBe(60)
    const update = (...words: string[]) =>
      state.json<Shown>(['client', 'update', client_id, ...words])
    expect(await update('--name', 'Other')).toMatchObject({ access_token_lifetime_seconds: 60 })
    expect(await update(option, '2592000')).toMatchObject({
      access_token_lifetime_seconds: 2592000,
    })
    expect(await update(option, '')).toMatchObject({ access_token_lifetime_seconds: null })
    const [latest] = await state.json<{ detail: unknown }[]>(['audit', '--client', client_id])
    expect(latest?.detail).toEqual({ access_token_lifetime_seconds: null })
  })

  it('client update deletes the secrets of a client that becomes public, and after the change back prints how to create a secret', async () => {
    const { client_id } = await create('--redirect-uri', 'https://a.example/cb')
    const update = ['client', 'update', client_id, '--json']
    const open = ['--auth-method', 'none', '--grant-type', 'authorization_code']
    const opened = await state.admin([...update, ...open])
    expect(JSON.parse(opened.stdout)).toMatchObject({ auth_method: 'none', credentials: [] })
    expect(opened.stderr).toBe('')
    const closed = await state.admin([...update, '--auth-method', 'client_secret'])
    expect(closed.status).toBe(0)
    expect(closed.stderr).toBe(
      `note: the client has no secret yet: give it one with client rotate-secret ${client_id}\n`,
    )
    await state.json(['client', 'rotate-secret', client_id])
    expect((await state.admin([...update, '--name', 'Again'])).stderr).toBe('')
  })
})

describe('client authorize and client withdraw', () => {
  it('client authorize and client withdraw add and remove permissions', async () => {
    const { client_id } = await create('--scope', 'a:b', '--endorsement', 'cs.*')
    const more = ['--scope', 'c:d a:b', '--endorsement', '*.*']
    expect(await state.json(['client', 'authorize', client_id, ...more])).toMatchObject({
      scopes: ['a:b', 'c:d'],
      endorsements: ['*.*'],
    })
    const less = ['--scope', 'a:b', '--endorsement', 'cs.*', '--grant-type', 'client_credentials']
    expect(await state.json(['client', 'withdraw', client_id, ...less])).toMatchObject({
      scopes: ['c:d'],
      endorsements: ['*.*'],
      grant_types: [],
    })
  })
})

describe('owners of a client', () => {
  it('client create and client update set the further owners, and client withdraw records a reason for them', async () => {
    const { client_id } = await create('--further-owner', 'u-18', '--scope', 'a:b')
    expect((await show(client_id)).further_owners).toEqual(['u-18'])
    const update = ['client', 'update', client_id, '--further-owner']
    expect(await state.json([...update, 'u-19 u-18'])).toMatchObject({
      further_owners: ['u-18', 'u-19'],
    })
    const reason = ['--reason', 'It only reads.']
    const withdraw = ['client', 'withdraw', client_id, '--scope', 'a:b']
    expect(await state.json([...withdraw, ...reason])).toMatchObject({
      decisions: [{ value: 'a:b', decision: 'withdrawn', reason: 'It only reads.' }],
    })
    expect(await state.json([...update, ''])).toMatchObject({ further_owners: [] })
    const many = Array.from({ length: 21 }, (_, n) => `u-${n}`).join(' ')
    expect((await state.admin([...update, many])).stderr).toContain(
      '--further-owner must not have more than 20 values',
    )
  })
})

describe('client rotate-secret', () => {
  it('client rotate-secret invalidates the old secret at once or after the overlap', async () => {
    const { client_id, client_secret: first = '' } = await create()
    const rotate = ['client', 'rotate-secret', client_id]
    type Rotated = { client_secret: string }
    const second = await state.json<Rotated>([...rotate, '--overlap-seconds', '3600'])
    expect(second.client_secret).not.toBe(first)
    const now = Math.floor(Date.now() / 1000)
    const digests = await Promise.all([first, second.client_secret].map(hexDigest))
    const expiries = async () => {
      const client = await asServerReads(client_id)
      const byDigest = new Map(client?.credentials.map((c) => [c.secretDigest, c.expiresAt]))
      return digests.map((digest) => byDigest.get(digest))
    }
    const [firstEnds, secondEnds] = await expiries()
    expect(firstEnds).toBeGreaterThan(now + 3500)
    expect(firstEnds).toBeLessThanOrEqual(now + 3600)
    expect(secondEnds).toBeNull()
    await state.json(rotate)
    for (const endsAt of await expiries()) {
      expect(endsAt).toBeLessThanOrEqual(Math.floor(Date.now() / 1000))
    }
    expect((await show(client_id)).credentials).toHaveLength(3)
  })
})

describe('client disable, enable and delete', () => {
  it('client disable on a disabled client keeps the first time, and client enable clears it', async () => {
    const { client_id } = await create()
    const disabled = await state.json(['client', 'disable', client_id])
    expect(disabled.disabled_at).toMatch(ISO_TIME)
    await state.database.prepare('UPDATE client SET disabled_at = 5').run()
    const again = await state.json(['client', 'disable', client_id])
    expect(again.disabled_at).toBe('1970-01-01T00:00:05.000Z')
    const enabled = await state.json(['client', 'enable', client_id])
    expect(enabled.disabled_at).toBeNull()
  })

  it('client delete prints the client and deletes everything about it except the revocation of its sessions and the audit', async () => {
    const { client_id } = await create('--scope', 'a:b', '--redirect-uri', 'https://a.example/cb')
    const shown = await show(client_id)
    expect(await state.json(['client', 'delete', client_id])).toEqual(shown)
    const { revocation, audit, ...rest } = await state.dump()
    expect(JSON.stringify(rest)).not.toContain(client_id)
    expect(JSON.stringify(revocation)).toContain(client_id)
    expect(JSON.stringify(audit)).toContain(client_id)
  })
})
