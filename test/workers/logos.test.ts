/** Logos of clients: fetched once within bounds, checked to be images, and served from our own origin. */

import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import { fetchLogo, MAX_LOGO_BYTES } from '../../src/flows/logos.ts'
import { fetchBounded } from '../../src/outbound/fetch-bounded.ts'
import { logoStore } from '../../src/stores/logos.ts'
import { type Administrator, call, documentIn, newAdministrator } from './administration.ts'
import { everythingButRefusals } from './registering.ts'
import {
  authorizePath,
  CALLBACK,
  declare,
  newClient,
  newUser,
  nowSeconds,
  PKCE,
  registry,
  signIn,
} from './registry.ts'
import { newHost, type Published, publish, requestsTo } from './world.ts'

const GIF: Published = { headers: { 'Content-Type': 'image/gif' }, body: 'GIF89a and more' }

let admin: Administrator
let cookie: string
beforeAll(async () => {
  admin = await newAdministrator()
  await declare({ scopes: [{ name: 'public:read', sentence: 'Read what is public' }] })
  cookie = await signIn(await newUser())
})

type Client = Readonly<{ client_id: string; logo_uri: string; notes?: string[] }>

/** The URL of a logo with this response at a new host; by default a unique image. */
async function published(answer?: Published | null): Promise<string> {
  const logoUri = `https://${newHost()}/logo`
  await publish(logoUri, answer === undefined ? { ...GIF, body: `GIF89a ${logoUri}` } : answer)
  return logoUri
}
const create = async (logoUri: string) =>
  documentIn<Client>(
    await call(admin, 'POST /clients', {
      body: {
        name: 'App',
        owner_id: 'o',
        auth_method: 'none',
        logo_uri: logoUri,
        redirect_uris: [CALLBACK],
        scopes: ['public:read'],
      },
    }),
    201,
  )
const update = async ({ client_id }: Client, body: object) =>
  documentIn<Client>(await call(admin, `PATCH /clients/${client_id}`, { body, ifMatch: '*' }))
const asked = async (logoUri: string) => (await requestsTo(new URL(logoUri).host)).length
const kept = (logoUri: string) =>
  env.DB.prepare(
    'SELECT digest, media_type, length(image) AS bytes, tried_at FROM logo WHERE logo_uri = ?1',
  )
    .bind(logoUri)
    .first<{
      digest: string | null
      media_type: string | null
      bytes: number | null
      tried_at: number
    }>()
const asking = (client: Pick<Client, 'client_id'>) => ({
  response_type: 'code',
  client_id: client.client_id,
  redirect_uri: CALLBACK,
  scope: 'public:read',
  code_challenge: PKCE.challenge,
  code_challenge_method: 'S256',
})
const consentPage = (client: Pick<Client, 'client_id'>) =>
  registry(authorizePath(asking(client)), { headers: { Cookie: cookie } })
const imageIn = (page: string) => /<img class="client-logo" src="([^"]*)"/.exec(page)?.[1]
const fetchFor = async ({ client_id }: Client, now = nowSeconds()) =>
  (await fetchLogo(client_id, { logos: logoStore(env.DB), fetchBounded: fetchBounded(false) }, now))
    ?.sentence ?? null

describe('the logo of a client at a host that is blocked', () => {
  const block = async (host: string, rule = 'block') =>
    documentIn(await call(admin, 'POST /document-hosts', { body: { host, rule } }), 201)
  const above = (logoUri: string) => `*.${new URL(logoUri).host.split('.').slice(1).join('.')}`

  it('a logo at a blocked host is not fetched, and the note names the block; a logo at another host is fetched', async () => {
    const blocked = await published()
    await block(new URL(blocked).host)
    const client = await create(blocked)
    expect(client.notes).toEqual([
      `the logo "${blocked}" is not shown: an operator has blocked its host`,
    ])
    await consentPage(client)
    expect([await asked(blocked), await kept(blocked)]).toEqual([0, null])
    // Control.
    const other = await published()
    await create(other)
    expect(await asked(other)).toBe(1)
  })

  it.each([
    ['the host', (uri: string) => new URL(uri).host],
    ['all hosts below its domain', above],
  ])(
    'a logo is not served after a block of %s, and is fetched again after the host is allowed',
    async (_, hostOf) => {
      const logoUri = `https://logo.${newHost()}/logo`
      await publish(logoUri, { ...GIF, body: `GIF89a ${logoUri}` })
      const client = await create(logoUri)
      const other = await published()
      await create(other)
      const path = imageIn(await (await consentPage(client)).text()) ?? ''
      expect((await registry(path)).status).toBe(200)
      const host = hostOf(logoUri)
      await block(host)
      expect((await registry(path)).status).toBe(404)
      expect(imageIn(await (await consentPage(client)).text())).toBeUndefined()
      expect(await kept(other)).not.toBeNull()
      await call(admin, `DELETE /document-hosts/${encodeURIComponent(host)}`, { ifMatch: '*' })
      await fetchFor(client, nowSeconds() + 60)
      expect((await registry(path)).status).toBe(200)
      // Changing a rule to `block` has the same effect.
      await block(host, 'allow')
      const change = { body: { rule: 'block' }, ifMatch: '*' }
      await documentIn(
        await call(admin, `PATCH /document-hosts/${encodeURIComponent(host)}`, change),
      )
      expect((await registry(path)).status).toBe(404)
    },
  )
})

describe('the logo of a client', () => {
  it('a logo that an operator names is fetched once, and the consent page shows it from our own origin', async () => {
    const logoUri = await published()
    const client = await create(logoUri)
    expect(client).not.toHaveProperty('notes')
    const page = await consentPage(client)
    expect(page.headers.get('Content-Security-Policy')).toContain("img-src 'self';")
    const path = imageIn(await page.text()) ?? ''
    expect(path).toMatch(/^\/logos\/[\w-]{43}$/)
    const image = await registry(path)
    expect(image.status).toBe(200)
    expect(Object.fromEntries(image.headers)).toMatchObject({
      'content-type': 'image/gif',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; sandbox",
      'cross-origin-resource-policy': 'same-origin',
      'content-disposition': 'attachment',
    })
    expect(new TextDecoder().decode(await image.arrayBuffer())).toBe(`GIF89a ${logoUri}`)
    expect(await asked(logoUri)).toBe(1)
  })

  it('a client with a logo that is already stored, and a change of any other field, fetch nothing', async () => {
    const logoUri = await published()
    const client = await create(logoUri)
    const other = await create(logoUri)
    expect(await update(client, { name: 'Other' })).not.toHaveProperty('notes')
    expect(imageIn(await (await consentPage(other)).text())).toBeDefined()
    expect(await asked(logoUri)).toBe(1)
  })

  it('a client that names another logo gets its image, and the image that no client names is deleted', async () => {
    const [first, second] = [await published(), await published()]
    const client = await create(first)
    const other = await create(first)
    const path = imageIn(await (await consentPage(client)).text())
    await update(client, { logo_uri: second })
    expect(imageIn(await (await consentPage(client)).text())).not.toBe(path)
    expect((await registry(path ?? '')).status).toBe(200)
    await call(admin, `DELETE /clients/${other.client_id}`, { ifMatch: '*' })
    expect(await kept(first)).toBeNull()
    expect((await registry(path ?? '')).status).toBe(404)
    await update(client, { logo_uri: '' })
    expect(await kept(second)).toBeNull()
    expect(imageIn(await (await consentPage(client)).text())).toBeUndefined()
  })

  it.each<[why: string, answer: Published | null, said: string]>([
    [
      'has another content type',
      { ...GIF, headers: { 'Content-Type': 'text/html' } },
      'another content type',
    ],
    [
      'is SVG',
      { headers: { 'Content-Type': 'image/svg+xml' }, body: '<svg/>' },
      'another content type',
    ],
    [
      'is no image',
      { ...GIF, body: '<svg onload="alert(1)"/>' },
      'is no PNG, JPEG, GIF or WebP image',
    ],
    ['is empty', { ...GIF, body: '' }, 'is no PNG, JPEG, GIF or WebP image'],
    ['is too large', { ...GIF, fillingBytes: MAX_LOGO_BYTES }, `more than ${MAX_LOGO_BYTES} bytes`],
    [
      'redirects',
      { status: 302, headers: { Location: 'https://other.example/' } },
      'the status 302',
    ],
    ['is missing', { ...GIF, status: 404 }, 'the status 404'],
    ['is at a host that cannot be reached', null, 'its address answered with the status 530'],
  ])(
    'a logo that %s is noted and not shown, and the client is registered',
    async (_, answer, said) => {
      const logoUri = await published(answer)
      const client = await create(logoUri)
      expect(client.notes).toEqual([expect.stringContaining(said)])
      expect(client.notes?.[0]).toContain(logoUri)
      expect(await kept(logoUri)).toMatchObject({ digest: null, media_type: null, bytes: null })
      expect(imageIn(await (await consentPage(client)).text())).toBeUndefined()
    },
  )

  it('a logo of exactly the maximum size is stored', async () => {
    const logoUri = await published({
      ...GIF,
      fillingBytes: MAX_LOGO_BYTES - (GIF.body ?? '').length,
    })
    await create(logoUri)
    expect(await kept(logoUri)).toMatchObject({ bytes: MAX_LOGO_BYTES })
  })

  it.each([
    'http://app.example/logo.png',
    'https://10.0.0.1/logo.png',
    'https://app.internal/logo.png',
  ])('a logo is never requested from %s', async (logoUri) => {
    const { notes } = await create(logoUri)
    expect(notes).toEqual([expect.stringContaining('is not shown: its address must')])
    expect(await asked(logoUri)).toBe(0)
  })
})

describe('the logo of a client that no operator registered', () => {
  const named = async (logoUri: string) => {
    const { id } = await newClient({ authMethod: 'none', logoUri })
    return { client_id: id, logo_uri: logoUri }
  }

  it('a logo is fetched when a signed-in user sees the consent page, and the next page shows it', async () => {
    const client = await named(await published())
    const first = await consentPage(client)
    expect(first.status).toBe(200)
    expect(imageIn(await first.text())).toBeUndefined()
    expect(imageIn(await (await consentPage(client)).text())).toMatch(/^\/logos\//)
    expect(await asked(client.logo_uri)).toBe(1)
  })

  it('a request without a session, and one that shows no page, fetch no logo and write nothing about it', async () => {
    const client = await named(await published())
    const request = authorizePath(asking(client))
    expect((await registry(request)).status).toBe(303)
    const headers = { Cookie: 'registry_session=forged' }
    expect((await registry(request, { headers })).status).toBe(303)
    const silent = authorizePath({ ...asking(client), prompt: 'none' })
    expect((await registry(silent, { headers: { Cookie: cookie } })).status).toBe(303)
    await registry(`/login?next_page=${encodeURIComponent(request)}`)
    await registry(request, { method: 'HEAD', headers: { Cookie: cookie } })
    expect(await asked(client.logo_uri)).toBe(0)
    expect(await kept(client.logo_uri)).toBeNull()
  })

  it('a logo that cannot be shown prevents no sign-in, and is not requested again for every page', async () => {
    const client = await named(await published({ ...GIF, body: 'no image' }))
    for (let page = 0; page < 3; page += 1) expect((await consentPage(client)).status).toBe(200)
    expect(await asked(client.logo_uri)).toBe(1)
  })
})

describe('the limits on requests for a logo', () => {
  it('of twenty simultaneous attempts one requests the logo, and after a failure none does for an hour', async () => {
    const logoUri = await published({ ...GIF, status: 500 })
    const client = await create(logoUri)
    await Promise.all(Array.from({ length: 20 }, () => fetchFor(client)))
    expect(await asked(logoUri)).toBe(1)
    await publish(logoUri, GIF)
    const tried = (await kept(logoUri))?.tried_at ?? 0
    expect(await fetchFor(client, tried + 3599)).toContain('is fetched later')
    const later = Array.from({ length: 20 }, () => fetchFor(client, tried + 3600))
    expect((await Promise.all(later)).filter((problem) => problem === null)).toHaveLength(1)
    expect(await asked(logoUri)).toBe(2)
    expect(await kept(logoUri)).toMatchObject({ media_type: 'image/gif' })
    expect(await fetchFor(client, tried + 9999)).toBeNull()
    expect(await asked(logoUri)).toBe(2)
  })

  it('after a request for a logo no other URL at the same host is requested for 10 s', async () => {
    const first = await published()
    const second = `${first}-2`
    await publish(second, GIF)
    await create(first)
    const client = await create(second)
    expect(client.notes).toEqual([expect.stringContaining('is fetched later')])
    expect(await asked(first)).toBe(1)
    expect(await fetchFor(client, nowSeconds() + 11)).toBeNull()
    expect(await asked(first)).toBe(2)
  })

  it('a client that names one logo URL after another causes one request to their host in 10 s', async () => {
    const first = await published()
    const client = await create(first)
    for (const name of ['-2', '-3', '-2']) {
      await publish(first + name, GIF)
      const { notes } = await update(client, { logo_uri: first + name })
      expect(notes).toEqual([expect.stringContaining('is fetched later')])
    }
    expect(await asked(first)).toBe(1)
    expect(await fetchFor(client, nowSeconds() + 11)).toBeNull()
    expect(await asked(first)).toBe(2)
  })

  it('at most a thousand logos are stored', async () => {
    const filling = `INSERT INTO logo (logo_uri, host, tried_at)
      WITH RECURSIVE n (i) AS (SELECT (SELECT count(*) FROM logo) + 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
      SELECT 'https://filling.example/' || i, 'filling.example', 1 FROM n`
    await env.DB.prepare(filling).run()
    const logoUri = await published()
    expect((await create(logoUri)).notes).toEqual([expect.stringContaining('is fetched later')])
    expect(await asked(logoUri)).toBe(0)
    await env.DB.prepare(`DELETE FROM logo WHERE host = 'filling.example'`).run()
  })
})

describe('/logos', () => {
  it.each(['/logos/none', '/logos/', `/logos/${'a'.repeat(43)}`, '/logos/a/b'])(
    '%s is 404, and nothing is written',
    async (path) => {
      const before = await everythingButRefusals()
      expect((await registry(path)).status).toBe(404)
      expect(await everythingButRefusals()).toEqual(before)
    },
  )

  it('/logos allows only GET and HEAD', async () => {
    const client = await create(await published())
    const path = imageIn(await (await consentPage(client)).text()) ?? ''
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      expect((await registry(path, { method })).status).toBe(405)
    }
    const head = await registry(path, { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
  })
})
