/** Hosts of client metadata documents over the management API: added, changed and removed, and which rule applies. */

import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import type { HostRule } from '../../src/domain/document-host.ts'
import { clientDocumentStore } from '../../src/stores/client-documents.ts'
import {
  type Administrator,
  call,
  documentIn,
  itemsOf,
  newAdministrator,
} from './administration.ts'
import { everythingButRefusals } from './registering.ts'

let admin: Administrator
beforeAll(async () => {
  admin = await newAdministrator()
})

let count = 0
const newHost = (prefix = '') => {
  count += 1
  return `${prefix}host${count}.example`
}
const at = (host: string) => `/document-hosts/${encodeURIComponent(host)}` as const
const list = async (host: string, rule: HostRule = 'allow', by = admin) =>
  call(by, 'POST /document-hosts', { body: { host, rule } })
const ANY = { ifMatch: '*' }

const audited = async (host: string) => {
  const { results } = await env.DB.prepare(
    `SELECT event, detail FROM audit WHERE event GLOB 'document_host.*' AND detail ->> 'host' = ?1 ORDER BY audit_id`,
  )
    .bind(host)
    .all<{ event: string; detail: string }>()
  return results.map(({ event, detail }) => [event, JSON.parse(detail).rule])
}

describe('hosts of client metadata documents over the management API', () => {
  it('a host is added once, in its canonical form, and a repeated request changes nothing', async () => {
    const host = newHost('bücher-')
    const kept = new URL(`https://${host}`).hostname
    const created = await list(`${host.toUpperCase()}.`)
    expect(created.headers.get('Location')).toBe(`/admin/v1${at(kept)}`)
    expect(created.headers.get('ETag')).toMatch(/^"v\d+"$/)
    expect(await documentIn(created, 201)).toEqual({
      host: kept,
      rule: 'allow',
      created_at: expect.any(String),
      updated_at: expect.any(String),
    })
    expect((await list(host)).status).toBe(200)
    expect((await documentIn(await list(host, 'block'), 409)).field).toBe('host')
    expect(await audited(kept)).toEqual([['document_host.create', 'allow']])
  })

  it.each(['app', '*.'])(
    'the host %s… is shown, listed, changed at the version that was read, and removed',
    async (prefix) => {
      const host = newHost(prefix)
      await list(host)
      const shown = await call(admin, `GET ${at(host)}`)
      expect(await documentIn(shown)).toMatchObject({ host, rule: 'allow' })
      const change = { body: { rule: 'block' }, ifMatch: shown.headers.get('ETag') ?? '' }
      const changed = await call(admin, `PATCH ${at(host)}`, change)
      expect(await documentIn(changed)).toMatchObject({ host, rule: 'block' })
      expect((await call(admin, `PATCH ${at(host)}`, change)).status).toBe(412)
      expect((await call(admin, `DELETE ${at(host)}`, { ifMatch: change.ifMatch })).status).toBe(
        412,
      )
      const { items } = await documentIn<{ items: { host: string }[] }>(
        await call(admin, 'GET /document-hosts?limit=200'),
      )
      expect(items.map((one) => one.host)).toContain(host)
      const gone = await documentIn(await call(admin, `DELETE ${at(host)}`, ANY))
      expect(gone).toMatchObject({ host, rule: 'block' })
      expect((await call(admin, `GET ${at(host)}`)).status).toBe(404)
      expect(
        (await call(admin, `PATCH ${at(host)}`, { body: { rule: 'allow' }, ...ANY })).status,
      ).toBe(404)
      expect(await audited(host)).toEqual([
        ['document_host.create', 'allow'],
        ['document_host.update', 'block'],
        ['document_host.delete', 'block'],
      ])
    },
  )

  it('the list of hosts is paged and in the order of the hosts', async () => {
    for (const host of [newHost('zz-'), newHost('aa-'), newHost('*.mm-')]) await list(host)
    const listed = await itemsOf<{ host: string }>(admin, '/document-hosts?limit=2')
    const hosts = listed.map(({ host }) => host)
    expect((await call(admin, 'GET /document-hosts?limit=2&after=')).status).toBe(200)
    expect(hosts.length).toBeGreaterThanOrEqual(3)
    expect(hosts).toEqual([...new Set(hosts)].sort())
  })

  it.each<[field: string, body: object]>([
    ['host', { rule: 'allow' }],
    ['host', { host: 'https://app.example.com', rule: 'allow' }],
    ['host', { host: '10.0.0.1', rule: 'block' }],
    ['host', { host: '*', rule: 'allow' }],
    ['host', { host: 1, rule: 'allow' }],
    ['rule', { host: 'app.example.com' }],
    ['rule', { host: 'app.example.com', rule: 'deny' }],
    ['rule', { host: 'app.example.com', rule: null }],
    ['note', { host: 'app.example.com', rule: 'allow', note: '' }],
  ])(
    'a host with an invalid %s is refused, the problem names the field, and nothing is written',
    async (field, body) => {
      const before = await everythingButRefusals()
      const response = await call(admin, 'POST /document-hosts', { body })
      expect((await documentIn(response, 400)).field).toBe(field)
      expect(await everythingButRefusals()).toEqual(before)
    },
  )

  it('at most a thousand hosts can be added, and an existing host can still be changed then', async () => {
    const host = newHost()
    await list(host)
    await env.DB.prepare(
      `WITH RECURSIVE n (i) AS (SELECT (SELECT count(*) FROM document_host) + 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
       INSERT INTO document_host (host, rule, version, created_at, updated_at)
       SELECT 'filling' || i || '.example', 'allow', 1, 1, 1 FROM n`,
    ).run()
    expect((await documentIn(await list(newHost()), 409)).detail).toContain('at most 1000 hosts')
    const changed = await call(admin, `PATCH ${at(host)}`, { body: { rule: 'block' }, ...ANY })
    expect(changed.status).toBe(200)
    await env.DB.prepare(`DELETE FROM document_host WHERE host GLOB 'filling*'`).run()
    expect((await list(newHost())).status).toBe(201)
  })

  it.each(['registry:read', 'registry:clients', 'registry:users', 'registry:sessions'])(
    'a caller with the scope %s can neither add nor change a host',
    async (scope) => {
      const host = newHost()
      await list(host)
      const lesser = await newAdministrator(scope)
      const attempts = [
        () => list(newHost(), 'allow', lesser),
        () => call(lesser, `PATCH ${at(host)}`, { body: { rule: 'block' }, ...ANY }),
        () => call(lesser, `DELETE ${at(host)}`, ANY),
      ]
      for (const attempt of attempts) expect((await attempt()).status).toBe(403)
      expect(await documentIn(await call(admin, `GET ${at(host)}`))).toMatchObject({
        host,
        rule: 'allow',
      })
    },
  )
})

describe('the rule that applies to a host', () => {
  const reader = clientDocumentStore(env.DB)
  type Listed = Readonly<Record<string, HostRule>>
  it.each<[listed: Listed, asked: string, rule: HostRule | null]>([
    [{}, 'app.D', null],
    [{ 'app.D': 'allow' }, 'app.D', 'allow'],
    [{ 'app.D': 'allow' }, 'other.D', null],
    [{ 'app.D': 'allow' }, 'a.app.D', null],
    [{ 'app.D': 'allow' }, 'xapp.D', null],
    [{ '*.D': 'allow' }, 'app.D', 'allow'],
    [{ '*.D': 'allow' }, 'a.app.D', 'allow'],
    [{ '*.D': 'allow' }, 'D', null],
    [{ '*.D': 'allow' }, 'xD', null],
    [{ '*.D': 'allow', 'app.D': 'block' }, 'app.D', 'block'],
    [{ '*.D': 'allow', 'app.D': 'block' }, 'other.D', 'allow'],
    [{ '*.D': 'block', 'app.D': 'allow' }, 'app.D', 'block'],
    [{ '*.app.D': 'block', '*.D': 'allow' }, 'a.app.D', 'block'],
    [{ '*.app.D': 'block', '*.D': 'allow' }, 'app.D', 'allow'],
  ])('with %j the rule for %s is %s', async (listed, asked, rule) => {
    const domain = newHost()
    for (const [host, given] of Object.entries(listed)) {
      expect((await list(host.replace('D', domain), given)).status).toBe(201)
    }
    expect((await reader.claim(asked.replace('D', domain))).rule).toBe(rule)
  })
})
