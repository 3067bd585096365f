/** `/clients`: an owner registers clients, edits, disables and deletes them, and makes new secrets. */

import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { disableClient, enableClient } from '../../src/flows/registration/clients.ts'
import { createScope } from '../../src/flows/registration/scopes.ts'
import { formsOf } from '../node/forms.ts'
import {
  CLIENT,
  filled,
  minted,
  newOwnedClient,
  newOwner,
  type Owner,
  ownerWith,
  referencesIn,
  register,
} from './portal.ts'
import { admin, auditOf, recordOf } from './registering.ts'
import { credentialsOf, newClient, post, registry, serve, signIn, tokenIn } from './registry.ts'

/** The details of its audit rows, the newest first. */
async function newestDetails(id: string) {
  const sql = 'SELECT detail FROM audit WHERE client_id = ?1 ORDER BY audit_id DESC'
  const { results } = await env.DB.prepare(sql).bind(id).all<{ detail: string }>()
  return results.map(({ detail }) => JSON.parse(detail) as Record<string, unknown>)
}

describe('registering a client', () => {
  it('a client of each kind gets the method, the grant types and PKCE that follow from the kind, for its owner', async () => {
    const owner = await newOwner()
    const kinds = {
      server: ['client_secret', ['authorization_code', 'refresh_token'], true],
      browser: ['none', ['authorization_code', 'refresh_token'], true],
      native: ['none', ['authorization_code', 'refresh_token'], true],
      machine: ['client_secret', ['client_credentials'], false],
    } as const
    for (const [kind, [authMethod, grantTypes, requirePkce]] of Object.entries(kinds)) {
      const redirect_uris = kind === 'machine' ? '' : CLIENT.redirect_uris
      const { id, secret } = await register(owner, { kind, redirect_uris })
      const record = await recordOf(id)
      expect(record).toMatchObject({ authMethod, requirePkce, ownerId: owner.user.id })
      expect([...record.grantTypes].sort()).toEqual([...grantTypes].sort())
      expect(secret !== '').toBe(authMethod === 'client_secret')
      expect(await auditOf('client_id', id)).toEqual(['client.create'])
    }
  })

  it('a new client has the scopes that the catalogue gives to every client, and gets a token for them with its secret', async () => {
    const name = `free${crypto.randomUUID().slice(0, 8)}:read`
    const fields = { sentence: 'Read', selfRegistered: true, sensitive: false }
    await createScope(admin(), { name, ...fields })
    await createScope(admin(), { name: `${name}_more`, ...fields, selfRegistered: false })
    const owner = await newOwner()
    const client = await register(owner, { kind: 'machine', redirect_uris: '' })
    const { scopes } = await recordOf(client.id)
    expect(scopes).toContain(name)
    expect(scopes).not.toContain(`${name}_more`)
    const answer = await post('/token', credentialsOf(client, { scope: name }))
    expect((await tokenIn(answer)).scope).toBe(name)
  })

  it('a refused registration shows what is wrong beside each field, and keeps what was typed', async () => {
    const owner = await newOwner()
    const typed = {
      name: ' ',
      url: 'javascript:alert(1)',
      description: 'Kept <b>as typed</b>',
      redirect_uris: 'https://a.example/*\nhttps://b.example/',
      kind: 'server',
    }
    const answer = await owner.submit('/new-client', typed)
    expect(answer.status).toBe(400)
    const page = await answer.text()
    expect(page).toContain(
      'Nothing was registered. Correct what is marked, then send the form again.',
    )
    expect(page).toContain('Name must not be empty.')
    expect(page).toContain('is not an http or https URL.')
    expect(page).toContain('must not have a wildcard or a backslash.')
    for (const name of ['name', 'url', 'redirect_uris']) {
      expect(page).toMatch(new RegExp(`id="${name}"[^>]*aria-invalid="true"`))
      expect(page).toContain(`href="#${name}"`)
    }
    expect(page).toContain('Kept &lt;b&gt;as typed&lt;/b&gt;')
    expect(page).toContain('https://a.example/*\nhttps://b.example/')
    expect(page).toMatch(/value="server" checked/)
    expect(await owner.page('/clients')).toContain('You have none yet')
  })

  it.each([
    ['without a kind', { kind: '' }, 'Choose what the client is.'],
    ['with an unknown kind', { kind: 'admin' }, 'Choose what the client is.'],
    ['for users without a redirect URI', { redirect_uris: '' }, 'needs a redirect URI.'],
    ['for itself with a redirect URI', { kind: 'machine' }, 'must be empty for this kind.'],
    ['with a NUL', { name: 'a\0b' }, 'Name must not hold a NUL'],
    ['with a name of 1001 characters', { name: 'a'.repeat(1001) }, 'longer than 1000'],
    ['with an http redirect URI', { redirect_uris: 'http://a.example/' }, 'must be https'],
    [
      'with 51 redirect URIs',
      { redirect_uris: Array.from({ length: 51 }, (_, n) => `https://a.example/${n}`).join('\n') },
      'must not have more than 50 lines',
    ],
  ])('a registration %s is refused', async (_, changed, why) => {
    const owner = await newOwner()
    const answer = await owner.submit('/new-client', { ...CLIENT, ...changed })
    expect(answer.status).toBe(400)
    expect(await answer.text()).toContain(why)
    expect(await owner.page('/clients')).toContain('You have none yet')
  })

  it('a registration that is sent twice registers one client and shows its secret once', async () => {
    const owner = await newOwner()
    const fields = await owner.form('/new-client')
    const sent = [...fields.filter(([name]) => !(name in CLIENT)), ...Object.entries(CLIENT)]
    const pairs = sent as [string, string][]
    const [first, second] = await Promise.all([
      owner.send('/new-client', pairs),
      owner.send('/new-client', pairs),
    ])
    expect([first.status, second.status].sort()).toEqual([200, 303])
    const other = pairs.map(([name, value]): [string, string] => [
      name,
      name === 'name' ? 'Other' : value,
    ])
    const third = await owner.send('/new-client', other)
    expect(third.headers.get('Location')).toMatch(/^\/clients\/[^/]+\?done=known$/)
    expect(await owner.page('/clients')).toContain('1 client that you own')
    const told = await owner.page(third.headers.get('Location') ?? '')
    expect(told).toContain('registered already')
    expect(told).not.toContain('regs_')
  })

  it('a registration form with a changed nonce registers no client', async () => {
    const owner = await newOwner()
    const answer = await owner.submit('/new-client', { ...CLIENT, nonce: 'registry-x' })
    expect(answer.status).toBe(403)
    expect(await owner.page('/clients')).toContain('You have none yet')
  })

  it.each<[string, (other: Owner) => string | Promise<string>]>([
    ['reserved for operators', () => 'registry-command-line'],
    ['the address of a metadata document', () => 'https://app.example/client.json'],
    ['of the user’s choice', () => crypto.randomUUID()],
    ['nothing', () => ''],
    ['a client of another owner', async (other) => (await register(other)).id],
    [
      'a client that was deleted',
      async (other) => {
        const { id } = await register(other)
        expect((await other.submit(`/clients/${id}/delete`)).status).toBe(303)
        return id
      },
    ],
  ])(
    'a forged registration form that names an id that is %s registers a client with another id',
    async (_, idOf) => {
      const [owner, other] = [await newOwner(), await newOwner()]
      const asked = await idOf(other)
      const before = asked === '' ? null : await recordOf(asked).catch(() => null)
      const token = await minted(owner, 'new_client', asked, 0)
      const forged = filled(token, { ...CLIENT, id: asked, client_id: asked, nonce: asked })
      const [id = ''] = referencesIn(await (await owner.send('/new-client', forged)).text())
      expect(id).not.toBe(asked)
      expect((await recordOf(id)).ownerId).toBe(owner.user.id)
      const after = asked === '' ? null : await recordOf(asked).catch(() => null)
      expect(after && { ...after, readAtMs: 0 }).toEqual(before && { ...before, readAtMs: 0 })
    },
  )

  it('a registration form that is sent again after its client was deleted and the user signed in again registers a client with another id', async () => {
    const owner = await newOwner()
    const fields = filled(await owner.form('/new-client'), CLIENT)
    const [id = ''] = referencesIn(await (await owner.send('/new-client', fields)).text())
    expect((await owner.submit(`/clients/${id}/delete`)).status).toBe(303)
    const later = ownerWith(owner.user, await signIn(owner.user))
    const nonce = new Map(fields).get('nonce') ?? ''
    const forged = filled(await minted(later, 'new_client', nonce, 0), { ...CLIENT, nonce })
    const [again = ''] = referencesIn(await (await later.send('/new-client', forged)).text())
    expect(again).toMatch(/^[\da-f-]{36}$/)
    expect(again).not.toBe(id)
  })

  it('a user can register as many clients as CLIENTS_PER_USER allows, even with many simultaneous requests', async () => {
    const fetch = serve({ CLIENTS_PER_USER: '3' })
    const { user, cookie } = await newOwner()
    const owner = ownerWith(user, cookie, fetch)
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => owner.submit('/new-client', CLIENT)),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 409, 409, 409])
    const list = await owner.page('/clients')
    expect(list).toContain('3 clients that you own')
    expect(list).toContain('You have as many clients as a user may have')
    expect(list).not.toContain('href="/new-client"')
  })

  it('with CLIENTS_PER_USER=0 users cannot register clients, and manage the clients that an operator assigned to them', async () => {
    const fetch = serve({ CLIENTS_PER_USER: '0' })
    const { user, cookie } = await newOwner()
    const owner = ownerWith(user, cookie, fetch)
    const { id } = await newClient({ ownerId: user.id })
    expect((await owner.get('/new-client')).status).toBe(404)
    expect((await owner.send('/new-client', Object.entries(CLIENT))).status).toBe(404)
    expect(await owner.page('/clients')).toContain(`/clients/${id}`)
    expect(await owner.page(`/clients/${id}`)).toContain('Example client')
  })
})

describe('changing a client', () => {
  it('an edit changes only name, web page, description and redirect URIs, and the audit names the changes', async () => {
    const { owner, id } = await newOwnedClient()
    const before = await recordOf(id)
    const changed = {
      name: 'قائمة القراءة',
      url: 'https://new.example',
      description: 'Zwei\nZeilen',
      redirect_uris: 'https://new.example/a\r\nhttps://new.example/b\r\n',
    }
    const more = { owner_id: 'x', auth_method: 'none', scopes: 'a:b', may_introspect: 'true' }
    const answer = await owner.submit(`/clients/${id}/edit`, { ...changed, ...more })
    expect([answer.status, answer.headers.get('Location')]).toEqual([
      303,
      `/clients/${id}?done=saved`,
    ])
    const after = await recordOf(id)
    expect(after).toEqual({
      ...before,
      name: changed.name,
      url: changed.url,
      description: changed.description,
      redirectUris: ['https://new.example/a', 'https://new.example/b'],
      updatedAt: after.updatedAt,
      readAtMs: after.readAtMs,
      version: after.version,
    })
    expect(await auditOf('client_id', id)).toEqual(['client.create', 'client.update'])
    expect((await owner.submit(`/clients/${id}/edit`)).status).toBe(303)
    expect((await recordOf(id)).version).toBe(after.version)
    await owner.submit(`/clients/${id}/edit`, { name: 'Renamed' })
    const [last] = await newestDetails(id)
    expect(last).toEqual({ name: 'Renamed' })
    expect(await owner.page(`/clients/${id}?done=saved`)).toContain('The client was changed.')
  })

  it('an edit of a client that was changed meanwhile changes nothing, and the page in the response keeps what was typed and works', async () => {
    const { owner, id } = await newOwnedClient()
    const path = `/clients/${id}/edit`
    const old = await owner.form(path)
    await owner.submit(path, { name: 'First' })
    const late = old.map(([name, value]): [string, string] => [
      name,
      name === 'name' ? 'Second' : value,
    ])
    const answer = await owner.send(path, late)
    expect(answer.status).toBe(409)
    const page = await answer.text()
    expect(page).toContain('has been changed since you opened the page')
    expect(page).toContain('value="Second"')
    expect((await recordOf(id)).name).toBe('First')
    const [again = []] = formsOf(page, path)
    expect((await owner.send(path, again)).status).toBe(303)
    expect((await recordOf(id)).name).toBe('Second')
  })

  it('a new secret is accepted at once, and the old one for as long as the owner chose', async () => {
    const owner = await newOwner()
    const client = await register(owner, { kind: 'machine', redirect_uris: '' })
    const path = `/clients/${client.id}/secrets`
    const rotate = async (overlap: string) => {
      const answer = await owner.submit(path, { overlap })
      expect(answer.status).toBe(200)
      return { id: client.id, secret: referencesIn(await answer.text())[1] ?? '' }
    }
    const works = async (keys: { id: string; secret: string }) =>
      (await post('/token', credentialsOf(keys), {}, serve({ CLIENT_CACHE_SECONDS: '0' }))).status
    const second = await rotate('86400')
    expect([await works(client), await works(second)]).toEqual([200, 200])
    const third = await rotate('0')
    expect([await works(client), await works(second), await works(third)]).toEqual([401, 401, 200])
    expect((await owner.submit(path, { overlap: '5' })).status).toBe(400)
  })

  it('the secrets page lists the newest secret first, marks the one in use and says when the older one ends', async () => {
    const owner = await newOwner()
    const client = await register(owner, { kind: 'machine', redirect_uris: '' })
    const path = `/clients/${client.id}/secrets`
    const items = async () =>
      ((await owner.page(path)).match(/<li>.*?<\/li>/gs) ?? []).map((item) =>
        item
          .replace(/<[^>]*>/g, '')
          .replace(/\d{4}-\d\d-\d\d( \d\d:\d\d UTC)?/g, (at) =>
            at.length > 10 ? 'MOMENT' : 'DAY',
          ),
      )
    expect(await items()).toEqual(['The newest secretmade on DAY, not used yet, does not end'])
    await post('/token', credentialsOf(client))
    await expect
      .poll(items)
      .toEqual(['The newest secret in usemade on DAY, last used on DAY, does not end'])
    await owner.submit(path, { overlap: '3600' })
    expect(await items()).toEqual([
      'The newest secretmade on DAY, not used yet, does not end',
      'An older secret in usemade on DAY, last used on DAY, ends on MOMENT',
    ])
    expect(await owner.page(path)).toContain('has not used the newest secret yet')
  })

  it('a client that an owner disables gets no token until an owner enables it', async () => {
    const owner = await newOwner()
    const client = await register(owner, { kind: 'machine', redirect_uris: '' })
    const asked = await owner.page(`/clients/${client.id}/disable`)
    expect(asked).toContain('Its codes and refresh tokens end at once.')
    expect((await owner.submit(`/clients/${client.id}/disable`)).status).toBe(303)
    const token = () =>
      post('/token', credentialsOf(client), {}, serve({ CLIENT_CACHE_SECONDS: '0' }))
    expect((await token()).status).toBe(401)
    expect(await owner.page(`/clients/${client.id}`)).toContain('Enable it')
    expect((await owner.submit(`/clients/${client.id}/enable`)).status).toBe(303)
    expect((await token()).status).toBe(200)
  })

  it.each([
    ['before', true],
    ['after', false],
  ])(
    'an owner cannot enable a client that an administrator disabled %s an owner did',
    async (_, first) => {
      const { owner, id } = await newOwnedClient()
      if (first) await disableClient(admin(), id)
      await owner.submit(`/clients/${id}/disable`)
      if (!first) await disableClient(admin(), id)
      const path = `/clients/${id}/enable`
      expect(formsOf(await owner.page(path), path)).toEqual([])
      const { version } = await recordOf(id)
      const answer = await owner.send(path, await minted(owner, 'enable', id, version))
      expect(answer.status).toBe(403)
      expect(await answer.text()).toContain('An administrator has disabled the client.')
      expect((await recordOf(id)).disabledAt).not.toBe(null)
      await enableClient(admin(), id)
      await owner.submit(`/clients/${id}/disable`)
      expect((await owner.submit(`/clients/${id}/enable`)).status).toBe(303)
    },
  )

  it('a deleted client is gone with its secrets, and the list of clients says so', async () => {
    const { owner, id } = await newOwnedClient()
    expect(await owner.page(`/clients/${id}/delete`)).toContain('cannot be brought back')
    const answer = await owner.submit(`/clients/${id}/delete`)
    expect(answer.headers.get('Location')).toBe('/clients?done=deleted')
    expect(await owner.page('/clients?done=deleted')).toContain('The client was deleted.')
    expect((await owner.get(`/clients/${id}`)).status).toBe(404)
    const left = await env.DB.prepare('SELECT 1 FROM client WHERE client_id = ?1').bind(id).first()
    expect(left).toBe(null)
  })

  it('a client with a registry: scope is shown to its owner, who cannot change it', async () => {
    const owner = await newOwner()
    const { id } = await newClient({ ownerId: owner.user.id, scopes: ['registry:read'] })
    // Only an owner who is not the last one can leave.
    await env.DB.prepare(
      `INSERT INTO client_owner (client_id, user_id, added_at) VALUES (?1, 'someone', 1)`,
    )
      .bind(id)
      .run()
    expect(await owner.page(`/clients/${id}`)).toContain('only an administrator changes it')
    for (const [path, changed] of [
      ['edit', { name: 'Mine' }],
      ['secrets', { overlap: '0' }],
      ['disable', {}],
      ['delete', {}],
      ['leave', {}],
    ] as const) {
      const answer = await owner.submit(`/clients/${id}/${path}`, changed)
      expect([path, answer.status]).toEqual([path, 403])
    }
    expect((await recordOf(id)).name).toBe('Example client')
  })
})

describe('a client with a metadata document', () => {
  it('an owner whom an operator named manages a client with a metadata document, and cannot change what the document says', async () => {
    const owner = await newOwner()
    const id = `https://${owner.user.username}.example/client.json`
    await env.DB.batch([
      env.DB.prepare(
        `INSERT INTO client (client_id, name, owner_id, auth_method, created_at, updated_at) VALUES (?1, 'Reader', ?2, 'none', 1, 1)`,
      ).bind(id, owner.user.id),
      env.DB.prepare(
        `INSERT INTO self_registered_client (client_id, kind, created_at) VALUES (?1, 'document', 1)`,
      ).bind(id),
    ])
    const path = `/clients/${encodeURIComponent(id)}`
    expect(await owner.page('/clients')).toContain(`href="${path}"`)
    expect(await owner.page(path)).toContain('Reader')
    const answer = await owner.submit(`${path}/edit`, { name: 'Another' })
    expect([answer.status, await answer.text()]).toEqual([
      409,
      expect.stringContaining('only its author can change it'),
    ])
    expect((await recordOf(id)).name).toBe('Reader')
    expect((await owner.submit(`${path}/disable`)).status).toBe(303)
  })
})

describe('a list of many clients', () => {
  it('the list of 200 clients has 50 a page, sorted by name, each once', async () => {
    const owner = await newOwner()
    await env.DB.batch(
      Array.from({ length: 200 }, (_, n) =>
        env.DB.prepare(
          `INSERT INTO client (client_id, name, owner_id, created_at, updated_at) VALUES (?1, ?2, ?3, 1, 1)`,
        ).bind(`many-${n}-${owner.user.id}`, `Client ${String(n).padStart(3, '0')}`, owner.user.id),
      ),
    )
    const names: string[] = []
    for (let page = 1; page <= 4; page += 1) {
      const shown = await owner.page(`/clients?page=${page}`)
      expect(shown).toContain('200 clients that you own')
      expect(shown).toContain(`Page ${page} of 4`)
      names.push(...[...shown.matchAll(/<bdi>(Client \d+)<\/bdi>/g)].map(([, name = '']) => name))
    }
    expect(names).toEqual(
      Array.from({ length: 200 }, (_, n) => `Client ${String(n).padStart(3, '0')}`),
    )
    for (const page of ['5', '0', '-1', 'x', '99999999']) {
      expect((await owner.get(`/clients?page=${page}`)).status).toBe(200)
    }
  })
})

describe('visitors', () => {
  it('the portal redirects a visitor without a session to sign-in and back', async () => {
    for (const path of ['/clients', '/clients?page=2', '/new-client', '/clients/x/edit']) {
      const answer = await registry(path)
      expect(answer.status).toBe(303)
      const next = new URL(answer.headers.get('Location') ?? '', 'http://r').searchParams
      expect(next.get('next_page')).toBe(path)
    }
  })

  it('an address below /clients that does not exist is a page for people, and below /admin/v1 a problem in JSON', async () => {
    const owner = await newOwner()
    const { id } = await register(owner)
    for (const path of [`/clients/${id}/nowhere`, '/clients/x/nowhere', '/clients/']) {
      const { status, headers } = await owner.get(path)
      expect([status, headers.get('Content-Type')]).toEqual([404, 'text/html; charset=UTF-8'])
    }
    const { status, headers } = await owner.get('/admin/v1/nowhere')
    expect([status, headers.get('Content-Type')]).toEqual([404, 'application/problem+json'])
  })

  it('without the management worker the portal is 404, and no page links to it', async () => {
    const owner = await newOwner()
    const alone = ownerWith(owner.user, owner.cookie, serve({ MANAGEMENT: undefined }))
    for (const path of ['/clients', '/new-client', '/clients/x']) {
      expect((await alone.get(path)).status).toBe(404)
    }
    for (const path of ['/', '/account']) {
      expect(await alone.page(path)).not.toContain('/clients')
      expect(await owner.page(path)).toContain('href="/clients"')
    }
  })

  it('a form that is sent after the session has ended changes nothing and can be sent again after a sign-in', async () => {
    const { owner, id } = await newOwnedClient()
    const path = `/clients/${id}/edit`
    const fields = (await owner.form(path)).map(([name, value]): [string, string] => [
      name,
      name === 'name' ? 'Typed long ago' : value,
    ])
    const out = ownerWith(owner.user, 'registry_session=')
    const answer = await out.send(path, fields)
    expect(answer.status).toBe(403)
    const [kept = []] = formsOf(await answer.text(), path)
    expect(kept).toEqual(fields)
    const again = ownerWith(owner.user, await signIn(owner.user))
    const shown = await again.send(path, kept)
    expect(shown.status).toBe(403)
    const page = await shown.text()
    expect(page).toContain('value="Typed long ago"')
    const [fresh = []] = formsOf(page, path)
    expect((await again.send(path, fresh)).status).toBe(303)
    expect((await recordOf(id)).name).toBe('Typed long ago')
  })
})
