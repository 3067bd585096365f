/**
 * An owner sees and changes only their own clients. Every page, form, field and id of the portal is tried with another
 * owner's client.
 */

import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import { PORTAL_PAGES } from '../../src/management/portal/portal-pages.ts'
import { formsOf, type Pair } from '../node/forms.ts'
import { sampled } from '../sample.ts'
import { keySetOf, newKey } from './keys.ts'
import {
  CLIENT,
  filled,
  minted,
  newOwner as newMember,
  type Owner,
  referencesIn,
  register,
  registerShared,
  share,
} from './portal.ts'
import { changeClient, everythingButRefusals, recordOf } from './registering.ts'
import { newUser, serve, signIn } from './registry.ts'

const PAGES_OF_A_CLIENT = PORTAL_PAGES.map(({ path }) => path).filter((path) =>
  path.startsWith('/clients/:client_id'),
)
const WITHOUT_FORM = ['/clients/:client_id', '/clients/:client_id/history']
const WITH_FORMS = PAGES_OF_A_CLIENT.filter((path) => !WITHOUT_FORM.includes(path))
const at = (path: string, id: string) => path.replace(':client_id', id)

/** Values with which each form would change something. */
const CHANGES: Readonly<Record<string, Record<string, string | string[]>>> = {
  '/clients/:client_id/edit': { name: 'Taken over', redirect_uris: 'https://evil.example/' },
  '/clients/:client_id/secrets': { overlap: '0' },
  '/clients/:client_id/permissions': {
    grant_types: ['client_credentials'],
    take: 'grant_type refresh_token',
  },
  '/clients/:client_id/keys': { jwks: keySetOf((await newKey()).jwk) },
  '/clients/:client_id/owners': {},
  '/clients/:client_id/check': { request: 'grant_type=client_credentials' },
}

/** With the directory, so that each page is there. One owner registers a client for each page. */
const portal = serve({ DIRECTORY: 'on', CLIENTS_PER_USER: '100' })
const newOwner = () => newMember(portal)

let victim: Owner
let other: Owner
let id: string
let own: string

beforeAll(async () => {
  victim = await newOwner()
  other = await newOwner()
  id = (await registerShared(victim, { name: 'Secret project', url: 'https://secret.example' })).id
  own = (await registerShared(other)).id
})

/** Every row that names the victim's client, and the clients of the other. */
const rowsOf = async () => {
  return Object.fromEntries(
    Object.entries(await everythingButRefusals()).map(([table, rows]) => [
      table,
      rows.map((row) => JSON.stringify(row)).filter((row) => row.includes(id) || row.includes(own)),
    ]),
  )
}

const FORM_NAMES = [
  ...[
    'edit',
    'rotate_secret',
    'ask',
    'take_back',
    'offer_ownership',
    'take_back_offer',
    'remove_owner',
  ],
  ...['disable', 'enable', 'delete', 'leave', 'set_keys', 'check'],
  ...['ask_listing', 'take_back_listing'],
]

/** The name of the form that its token is for. */
async function formNameOf(owner: Owner, of: string, fields: readonly Pair[]) {
  const { form_token, version } = Object.fromEntries(fields)
  for (const name of FORM_NAMES) {
    const token = new Map(await minted(owner, name, of, Number(version))).get('form_token')
    if (token === form_token) return name
  }
  throw new Error('the form has a name that is not listed here')
}

/** Every form of a page, filled in so that it would change something. */
async function formsAt(owner: Owner, path: string, of: string): Promise<Pair[][]> {
  // A form that only looks something up has no token.
  const forms = formsOf(await owner.page(at(path, of)), at(path, of)).filter((fields) =>
    fields.some(([name]) => name === 'form_token'),
  )
  expect(forms.length).toBeGreaterThan(0)
  const changed = {
    ...CHANGES[path],
    ...(path.endsWith('/owners') && { owner: other.user.username }),
  }
  return forms.map((fields) => filled(fields, changed))
}

describe('the pages of a client of another owner', () => {
  it('the pages under test are all pages of a client', () => {
    expect(WITH_FORMS.map((path) => path.split('/').at(-1)).sort()).toEqual([
      'check',
      'delete',
      'disable',
      'edit',
      'enable',
      'keys',
      'leave',
      'listing',
      'owners',
      'permissions',
      'secrets',
    ])
  })

  it.each(PAGES_OF_A_CLIENT)(
    "%s for another owner's client is the same 404 as for an unknown client, with any method",
    async (path) => {
      const before = await rowsOf()
      for (const method of ['GET', 'HEAD', 'POST']) {
        const [theirs, nobodys] = await Promise.all(
          [id, 'no-such-client'].map((one) =>
            portal(at(path, one), {
              method,
              headers: {
                Cookie: other.cookie,
                'Content-Type': 'application/x-www-form-urlencoded',
              },
              ...(method === 'POST' && {
                body: new URLSearchParams(CHANGES[path] as never).toString(),
              }),
            }),
          ),
        )
        const expected = WITHOUT_FORM.includes(path) && method === 'POST' ? 405 : 404
        expect([method, theirs?.status, nobodys?.status]).toEqual([method, expected, expected])
        const [shown = '', none = ''] = await Promise.all([theirs?.text(), nobodys?.text()])
        expect(shown.replace(/[0-9A-Z]{10}/g, '')).toBe(none.replace(/[0-9A-Z]{10}/g, ''))
        expect(shown).not.toContain('Secret project')
      }
      expect(await rowsOf()).toEqual(before)
    },
  )

  it('no page of another owner names the client', async () => {
    for (const path of ['/clients', '/clients?page=2', '/new-client', '/account', '/']) {
      const page = await other.page(path)
      expect(page).not.toContain(id)
      expect(page).not.toContain('Secret project')
    }
  })
})

describe('forged and replayed forms', () => {
  it.each(WITH_FORMS)(
    'a form of %s changes nothing when another owner sends it, to any page',
    async (path) => {
      const forms = await formsAt(victim, path, id)
      const before = await rowsOf()
      for (const fields of forms) {
        expect((await other.send(at(path, id), fields)).status).toBe(404)
        const elsewhere = await other.send(at(path, own), fields)
        expect(elsewhere.status).toBe(403)
        expect(await elsewhere.text()).not.toContain('Secret project')
      }
      expect(await rowsOf()).toEqual(before)
    },
  )

  it.each(WITH_FORMS)(
    "a form of %s for an owner's client changes neither a client of another owner nor another client of the same owner",
    async (path) => {
      const second = (await register(other)).id
      const { version } = await recordOf(second)
      const forms = await formsAt(other, path, own)
      const before = await rowsOf()
      for (const fields of forms) {
        expect((await other.send(at(path, id), fields)).status).toBe(404)
        expect((await other.send(at(path, second), fields)).status).toBe(403)
        const named: Pair[] = ['client_id', 'id', 'owner_id', 'user_id'].map((name) => [name, id])
        const answer = await other.send(at(path, second), [...fields, ...named])
        expect(answer.status).toBe(403)
      }
      expect(await rowsOf()).toEqual(before)
      expect((await recordOf(second)).version).toBe(version)
    },
  )

  it.each(WITH_FORMS)(
    'a form of %s changes nothing when it is sent to another page of its client',
    async (path) => {
      const forms = await formsAt(other, path, own)
      const before = await rowsOf()
      for (const fields of forms) {
        const others = WITH_FORMS.filter((one) => one !== path)
        for (const elsewhere of sampled(others, 3, WITH_FORMS.indexOf(path))) {
          const answer = await other.send(at(elsewhere, own), fields)
          expect([elsewhere, answer.status]).toEqual([elsewhere, 403])
        }
      }
      expect(await rowsOf()).toEqual(before)
    },
  )

  it.each([
    ['without its token', (fields: Pair[]) => fields.filter(([name]) => name !== 'form_token')],
    ['without its version', (fields: Pair[]) => fields.filter(([name]) => name !== 'version')],
    [
      'with another version',
      (fields: Pair[]) =>
        fields.map(
          ([name, value]): Pair => [name, name === 'version' ? `${Number(value) + 1}` : value],
        ),
    ],
    [
      'with a token of the right form',
      (fields: Pair[]) =>
        fields.map(
          ([name, value]): Pair => [
            name,
            name === 'form_token'
              ? `${value.slice(0, -1)}${value.endsWith('A') ? 'B' : 'A'}`
              : value,
          ],
        ),
    ],
  ])('a form of the portal %s changes nothing', async (_, spoil) => {
    for (const path of WITH_FORMS) {
      const forms = await formsAt(other, path, own)
      const before = await rowsOf()
      for (const fields of forms) {
        expect([path, (await other.send(at(path, own), spoil(fields))).status]).toEqual([path, 403])
      }
      expect(await rowsOf()).toEqual(before)
    }
  })

  it.each(WITH_FORMS)(
    'a form of %s that another owner forges with their own session is the same 404 as for an unknown client',
    async (path) => {
      const forms = await formsAt(victim, path, id)
      const before = await rowsOf()
      for (const fields of forms) {
        const version = Number(new Map(fields).get('version'))
        const name = await formNameOf(victim, id, fields)
        const forgedBy = async (owner: Owner, of: string) =>
          filled(fields, Object.fromEntries(await minted(owner, name, of, version)))
        expect((await other.send(at(path, id), await forgedBy(other, id))).status).toBe(404)
        const none = await forgedBy(other, 'no-such-client')
        expect((await other.send(at(path, 'no-such-client'), none)).status).toBe(404)
      }
      expect(await rowsOf()).toEqual(before)
    },
  )

  it('a form of the portal that another site posts changes nothing', async () => {
    for (const path of WITH_FORMS) {
      const [fields = []] = await formsAt(other, path, own)
      const before = await rowsOf()
      for (const headers of [
        { 'Sec-Fetch-Site': 'cross-site' },
        { 'Sec-Fetch-Site': 'same-site' },
      ]) {
        expect((await other.send(at(path, own), fields, headers)).status).toBe(403)
      }
      expect(await rowsOf()).toEqual(before)
    }
  })

  it('control: each form changes something when its owner sends it', async () => {
    // The request checker changes nothing.
    for (const path of WITH_FORMS.filter((one) => !one.endsWith('/check'))) {
      const owner = await newOwner()
      const of = (await registerShared(owner)).id
      if (path.endsWith('/enable')) await owner.submit(`/clients/${of}/disable`)
      const [fields = []] = await formsAt(owner, path, of)
      const versionOf = () =>
        env.DB.prepare('SELECT version, owner_id FROM client WHERE client_id = ?1').bind(of).first()
      const before = await versionOf()
      expect([200, 303]).toContain((await owner.send(at(path, of), fields)).status)
      expect([path, await versionOf()]).not.toEqual([path, before])
    }
  })
})

describe('a form that was opened before the owner changed', () => {
  it.each(WITH_FORMS)(
    'a form of %s is 404 for a user who no longer owns the client',
    async (path) => {
      const former = await newOwner()
      const of = (await registerShared(former)).id
      const forms = await formsAt(former, path, of)
      await changeClient(of, { fields: { ownerId: other.user.id } })
      const before = await recordOf(of)
      for (const fields of forms) expect((await former.send(at(path, of), fields)).status).toBe(404)
      expect((await recordOf(of)).version).toBe(before.version)
      expect(await former.page('/clients')).not.toContain(of)
      expect(await other.page('/clients')).toContain(of)
    },
  )

  it('a form from before an owner left and came back changes nothing', async () => {
    const [first, second] = [await newOwner(), await newOwner()]
    const of = (await register(first)).id
    await share(first, of, second)
    const fields = await second.form(`/clients/${of}/delete`)
    await second.submit(`/clients/${of}/leave`)
    await share(first, of, second)
    expect((await second.send(`/clients/${of}/delete`, fields)).status).toBe(409)
    expect((await recordOf(of)).ownerId).toBe(first.user.id)
  })

  it('an owner who is removed during a change changes nothing', async () => {
    const [first, second] = [await newOwner(), await newOwner()]
    const of = (await register(first)).id
    await share(first, of, second)
    const edit = filled(await second.form(`/clients/${of}/edit`), { name: 'Late' })
    const answers = await Promise.all([
      first.submit(`/clients/${of}/owners`, { user: second.user.id }, 'remove_owner'),
      second.send(`/clients/${of}/edit`, edit),
    ])
    const statuses = answers.map(({ status }) => status)
    const { name, furtherOwners } = await recordOf(of)
    // One of them was first; the other demanded the version before.
    if (statuses[0] === 303) expect(furtherOwners).toEqual([])
    expect(name === 'Late').toBe(statuses[1] === 303)
    expect(statuses).toContain(303)
  })
})

describe('other sessions', () => {
  it('a revoked session opens no page of the portal', async () => {
    const owner = await newOwner()
    const of = (await register(owner)).id
    await env.DB.prepare(
      `INSERT INTO revocation (kind, subject, revoked_at_ms, expires_at) VALUES ('user', ?1, ?2, ?3)`,
    )
      .bind(owner.user.id, Date.now() + 1000, Math.floor(Date.now() / 1000) + 7200)
      .run()
    for (const path of ['/clients', '/new-client', ...PAGES_OF_A_CLIENT]) {
      const answer = await owner.get(at(path, of))
      expect([path, answer.status, answer.headers.get('Location')?.slice(0, 6)]).toEqual([
        path,
        303,
        '/login',
      ])
    }
  })

  it('a disabled user sees no client', async () => {
    const user = await newUser()
    const cookie = await signIn(user)
    await env.DB.prepare('UPDATE user SET disabled_at = 1 WHERE user_id = ?1').bind(user.id).run()
    const answer = await portal('/clients', { headers: { Cookie: cookie } })
    expect([answer.status, await answer.text()]).toEqual([
      403,
      expect.stringContaining('This account is disabled'),
    ])
  })

  it('a form that one user opened is refused when the next user of the browser sends it', async () => {
    // A user who has registered no client yet: their number is limited.
    const next = await newOwner()
    const fields = filled(await victim.form('/new-client'), CLIENT)
    const answer = await next.send('/new-client', fields)
    expect(answer.status).toBe(403)
    const page = await answer.text()
    expect(page).toContain('value="Reading list"')
    const [again = []] = formsOf(page, '/new-client')
    const done = await next.send('/new-client', again)
    expect(done.status).toBe(200)
    const [id] = referencesIn(await done.text())
    const own = await victim.send('/new-client', fields)
    expect(own.status).toBe(200)
    expect(referencesIn(await own.text())[0]).not.toBe(id)
  })
})
