/** `/openapi.json`, `/docs` and `/schemas/session.json` describe the API as it is. */

import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { fromJSONSchema } from 'zod'
import * as z from 'zod/mini'
import { sessionKeyOf } from '../../src/crypto/digest.ts'
import {
  IntrospectionResponse,
  KeySet,
  Metadata,
  OAuthErrorDocument,
  TokenResponse,
} from '../../src/management/openapi/oauth.ts'
import { OPERATIONS } from '../../src/management/operations.ts'
import { PROBLEM_TYPES } from '../../src/protocol/problem.ts'
import { requireConforming } from './conforming.ts'
import { newRefreshingClient, sendAs, userTokens } from './obtaining.ts'
import { credentialsOf, ISSUER, newClient, post, registry, serve } from './registry.ts'
import { newKeyText } from './signing.ts'

type Document = {
  openapi: string
  servers: { url: string }[]
  paths: Record<string, Record<string, { operationId: string }>>
}

describe('/openapi.json', () => {
  it('/openapi.json has every operation of the management API and the OAuth endpoints, and none of the authenticator', async () => {
    const response = await registry('/openapi.json')
    expect(response.status).toBe(200)
    expect(response.headers.get('Content-Type')).toBe('application/json')
    expect(response.headers.get('Cache-Control')).toBe('public, max-age=300')
    expect(response.headers.get('Access-Control-Allow-Origin')).toBe('*')
    const document = (await response.json()) as Document
    expect(document).toMatchObject({ openapi: '3.1.1', servers: [{ url: ISSUER }] })
    const described = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    expect(described.sort()).toEqual(
      [
        ...OPERATIONS.map(({ method, path }) => `${method} /admin/v1${path}`),
        'GET /.well-known/oauth-authorization-server',
        'GET /authorize',
        'GET /jwks.json',
        'POST /introspect',
        'POST /revoke',
        'POST /token',
      ].sort(),
    )
    const names = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    )
    expect(new Set(names).size).toBe(names.length)
  })

  it('the addresses in /openapi.json are those of the issuer and not of the request', async () => {
    const response = await registry('http://evil.example/openapi.json')
    expect(await response.text()).not.toContain('evil.example')
  })

  it.each(['/openapi.json', '/docs', '/docs/style.css', '/schemas/session.json'])(
    '%s needs no token and allows only GET and HEAD',
    async (path) => {
      expect((await registry(path)).status).toBe(200)
      const head = await registry(path, { method: 'HEAD' })
      expect([head.status, await head.text()]).toEqual([200, ''])
      const posted = await registry(path, { method: 'POST', body: '{}' })
      expect([posted.status, posted.headers.get('Allow')]).toEqual([405, 'GET, HEAD'])
    },
  )

  it('a registry without a management worker has no OpenAPI document, and still issues tokens', async () => {
    const alone = serve({ MANAGEMENT: undefined })
    expect((await alone('/openapi.json')).status).toBe(404)
    expect((await alone('/admin/v1/status')).status).toBe(404)
    expect((await post('/token', credentialsOf(await newClient()), {}, alone)).status).toBe(200)
  })

  it('control: a response that the OpenAPI document does not describe is found', async () => {
    const conforms = (status: number, body: object) =>
      requireConforming('GET', '/scopes', Response.json(body, { status }))
    await conforms(200, { items: [], next: null })
    await expect(conforms(200, { items: [] })).rejects.toThrow('listScopes returned 200')
    await expect(conforms(200, { items: [], next: null, more: 1 })).rejects.toThrow()
    const problem = { type: 'x', title: 'x', status: 409, detail: 'x' }
    await expect(conforms(409, problem)).rejects.toThrow('does not describe')
  })
})

describe('the OAuth endpoints in the document', () => {
  it('the responses of the OAuth endpoints have exactly the members that /openapi.json describes', async () => {
    const conforms = async (schema: z.core.$ZodType, response: Response) =>
      z.parse(schema, await response.json())
    const client = await newRefreshingClient()
    const { access, refresh } = await userTokens(client)
    await conforms(TokenResponse, await post('/token', credentialsOf(client)))
    const renewed = {
      ...credentialsOf(client),
      grant_type: 'refresh_token',
      refresh_token: refresh,
    }
    await conforms(IntrospectionResponse, await sendAs(client, '/introspect', { token: access }))
    await conforms(IntrospectionResponse, await sendAs(client, '/introspect', { token: refresh }))
    await conforms(TokenResponse, await post('/token', renewed))
    await conforms(IntrospectionResponse, await sendAs(client, '/introspect', { token: 'x' }))
    await conforms(z.strictObject({}), await sendAs(client, '/revoke', { token: access }))
    const signing = serve({ SIGNING_KEYS: await newKeyText() })
    for (const fetch of [registry, signing]) {
      await conforms(Metadata, await fetch('/.well-known/oauth-authorization-server'))
      await conforms(KeySet, await fetch('/jwks.json'))
    }
    await conforms(OAuthErrorDocument, await post('/token', { grant_type: 'none' }))
  })
})

describe('/docs', () => {
  it('/docs has a section for every operation and every type of problem, and loads only our own stylesheets', async () => {
    const response = await registry('/docs')
    const page = await response.text()
    for (const id of [...OPERATIONS.map(({ name }) => name), ...PROBLEM_TYPES]) {
      expect(page).toContain(`id="${id}"`)
      expect(page.split(`id="${id}"`)).toHaveLength(2)
    }
    expect(page).not.toMatch(/<script|<style|\sstyle=|\son\w+=/)
    const loaded = Array.from(page.matchAll(/<(?:link|img)[^>]+(?:href|src)="([^"]+)"/g))
    expect(loaded.map(([, address]) => address)).toEqual([
      '/icon.svg',
      '/style.css',
      '/docs/style.css',
    ])
    expect(response.headers.get('Content-Security-Policy')).toBe(
      "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    )
  })

  it('every link of /docs has a target', async () => {
    const page = await (await registry('/docs')).text()
    const links = new Set(Array.from(page.matchAll(/<a href="([^"]+)"/g), ([, href = '']) => href))
    expect(links.size).toBeGreaterThan(OPERATIONS.length)
    for (const link of links) {
      if (link.startsWith('#')) expect(page).toContain(`id="${link.slice(1)}"`)
      else expect([link, (await registry(link)).status]).toEqual([link, 200])
    }
  })
})

it('a session that the registry stores is valid by /schemas/session.json', async () => {
  const published = await registry('/schemas/session.json')
  expect(published.headers.get('Content-Type')).toBe('application/schema+json')
  const document = (await published.json()) as Record<string, unknown>
  expect(document.$id).toBe(`${ISSUER}/schemas/session.json`)
  const schema = fromJSONSchema(document as Parameters<typeof fromJSONSchema>[0])
  const client = await newClient()
  const tokens = [
    (await userTokens(client)).access,
    ((await (await post('/token', credentialsOf(client))).json()) as { access_token: string })
      .access_token,
  ]
  for (const token of tokens) {
    const { SESSIONS } = env
    const record = await SESSIONS.get<Record<string, unknown>>(await sessionKeyOf(token), 'json')
    expect(z.safeParse(schema, record)).toMatchObject({ success: true })
    expect(z.safeParse(schema, { ...record, authorizations: null })).toMatchObject({
      success: false,
    })
  }
})
