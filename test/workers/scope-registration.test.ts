/** Declaring, importing and deleting scopes, and what is revoked when a deletion withdraws a scope: one batch, decided by D1. */

import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, it } from 'vitest'
import { MAX_DECLARED } from '../../src/domain/scope-catalogue.ts'
import { pageOfCategories, replaceCategories } from '../../src/flows/registration/categories.ts'
import { authorizeClient } from '../../src/flows/registration/clients.ts'
import * as scopes from '../../src/flows/registration/scopes.ts'
import { RegistrationError } from '../../src/protocol/registration/errors.ts'
import { machineToken, newRefreshingClient, userTokens } from './obtaining.ts'
import { actBy, admin, portsOn } from './registering.ts'
import { newClient, newUser, sessionOf } from './registry.ts'

const ports = portsOn()
const act = admin()

let count = 0
/** A name that no other test has. */
const newName = () => `domain${++count}:read`
const fields = { sentence: 'Read things', selfRegistered: false, sensitive: false }
const declared = async (name: string, more: Partial<typeof fields> = {}) =>
  (await scopes.createScope(act, { name, ...fields, ...more })).record

const all = async <Row>(sql: string, ...values: unknown[]) =>
  (
    await env.DB.prepare(sql)
      .bind(...values)
      .all<Row>()
  ).results
const eventsOf = async (since: number) =>
  all<{ event: string; client_id: string | null; user_id: string | null; detail: string }>(
    'SELECT event, client_id, user_id, detail FROM audit WHERE audit_id > ?1 ORDER BY audit_id',
    since,
  )
const lastAudit = async () =>
  Number(await env.DB.prepare('SELECT coalesce(max(audit_id), 0) AS id FROM audit').first('id'))
const scopesOf = async (clientId: string) =>
  (
    await all<{ scope: string }>(
      'SELECT scope FROM client_authorization WHERE client_id = ?1 ORDER BY scope',
      clientId,
    )
  ).map(({ scope }) => scope)

/** The error with which the change is refused. */
async function refusalOf(work: Promise<unknown>) {
  const fault = await work.then(
    () => null,
    (cause: unknown) => cause,
  )
  if (!(fault instanceof RegistrationError)) throw fault ?? new Error('it was not refused')
  return { kind: fault.kind, field: fault.field, message: fault.message }
}

let before: number
beforeEach(async () => {
  before = await lastAudit()
})

describe('declaring a scope', () => {
  it('a declared scope is found with its fields, and the audit has them', async () => {
    const name = newName()
    const created = await scopes.createScope(act, { name, ...fields, sensitive: true })
    expect(created).toMatchObject({ isNew: true, record: { name, ...fields, sensitive: true } })
    expect(await scopes.findScope(act, name)).toEqual(created.record)
    const [event] = await eventsOf(before)
    expect(event).toMatchObject({ event: 'scope.create', client_id: null, user_id: null })
    expect(JSON.parse(event?.detail ?? '')).toEqual({
      name,
      sentence: 'Read things',
      self_registered: false,
      sensitive: true,
    })
  })

  it('an equal declaration of a declared scope changes nothing, and a different one is a conflict', async () => {
    const name = newName()
    const record = await declared(name)
    expect(await scopes.createScope(act, { name, ...fields })).toEqual({
      record,
      notes: [],
      isNew: false,
    })
    const other = { name, ...fields, sentence: 'Read more' }
    expect(await refusalOf(scopes.createScope(act, other))).toMatchObject({ kind: 'conflict' })
    expect(await scopes.findScope(act, name)).toEqual(record)
    expect(await eventsOf(before)).toHaveLength(1)
  })

  it('an update of a scope changes the given fields, raises the version, and is stale for another version', async () => {
    const record = await declared(newName(), { sensitive: true })
    const { record: after } = await scopes.updateScope(
      act,
      record.name,
      { sentence: 'Read more' },
      record.version,
    )
    expect(after).toMatchObject({ sentence: 'Read more', sensitive: true })
    expect(after.version).toBeGreaterThan(record.version)
    const late = scopes.updateScope(act, record.name, { sensitive: false }, record.version)
    expect(await refusalOf(late)).toMatchObject({ kind: 'stale' })
    expect(await scopes.findScope(act, record.name)).toEqual(after)
    expect((await eventsOf(before)).map(({ event }) => event)).toEqual([
      'scope.create',
      'scope.update',
    ])
  })

  it('a scope that is deleted and declared again has a later version', async () => {
    const first = await declared(newName())
    await scopes.deleteScope(act, first.name, false)
    const second = await declared(first.name)
    expect(second.version).toBeGreaterThanOrEqual(first.version)
    const late = scopes.deleteScope(act, first.name, false, first.version - 1)
    expect(await refusalOf(late)).toMatchObject({ kind: 'stale' })
  })

  it.each(['registry:read', 'registry:clients', 'registry:users', 'registry:sessions', ''])(
    'an actor with the scope %j may not declare, change, delete or import scopes',
    async (held) => {
      const { name } = await declared(newName())
      const lesser = actBy([held])
      const attempts: (() => Promise<unknown>)[] = [
        () => scopes.createScope(lesser, { name: newName(), ...fields }),
        () => scopes.updateScope(lesser, name, { sensitive: true }),
        () => scopes.deleteScope(lesser, name, true),
        () => scopes.importScopes(lesser, [{ name, ...fields, sensitive: true }]),
        () => replaceCategories(lesser, []),
      ]
      for (const attempt of attempts) {
        expect(await refusalOf(Promise.resolve().then(attempt))).toMatchObject({
          kind: 'forbidden',
        })
      }
      expect(await scopes.findScope(act, name)).toMatchObject(fields)
    },
  )

  it('a read, a change and a deletion of a scope that is not declared are not_found', async () => {
    const name = newName()
    for (const work of [
      scopes.findScope(act, name),
      scopes.updateScope(act, name, { sensitive: true }),
      scopes.deleteScope(act, name, true),
    ]) {
      expect(await refusalOf(work)).toMatchObject({ kind: 'not_found', field: 'name' })
    }
    expect(await eventsOf(before)).toEqual([])
  })
})

describe('deleting a scope', () => {
  it('a scope without holders is deleted', async () => {
    const { name } = await declared(newName())
    await newClient({ scopes: [name], requestedOnly: true })
    await scopes.deleteScope(act, name, false)
    expect(await refusalOf(scopes.findScope(act, name))).toMatchObject({ kind: 'not_found' })
    expect((await eventsOf(before)).at(-1)).toMatchObject({ event: 'scope.delete' })
  })

  it('the deletion of a scope that clients or users hold, also with an id, is refused with their number and changes nothing', async () => {
    const { name } = await declared(newName())
    const [plain, every, one] = [
      await newClient({ scopes: [name, `${name}:7`] }),
      await newClient({ scopes: [`${name}:*`] }),
      await newUser({ scopes: [`${name}:7`] }),
    ]
    expect(await refusalOf(scopes.deleteScope(act, name, false))).toEqual({
      kind: 'conflict',
      field: 'withdraw',
      message: `2 clients and 1 user hold the scope "${name}", and withdraw takes it from them`,
    })
    expect(await scopes.findScope(act, name)).toMatchObject({ name })
    expect(await scopesOf(plain.id)).toEqual([name, `${name}:7`])
    expect(await scopesOf(every.id)).toEqual([`${name}:*`])
    expect(one.id).not.toBe('')
    expect((await eventsOf(before)).map(({ event }) => event)).toEqual(['scope.create'])
  })

  it.each([
    ['1 client and 0 users', () => newClient({ scopes: ['solo:read'] })],
    ['0 clients and 1 user', () => newUser({ scopes: ['solo:read'] })],
  ] as const)('a scope that %s hold is not deleted', async (held, hold) => {
    await declared('solo:read')
    await hold()
    const { message } = await refusalOf(scopes.deleteScope(act, 'solo:read', false))
    expect(message).toContain(`${held} hold`)
    await scopes.deleteScope(act, 'solo:read', true)
  })

  it('a deletion with withdrawal withdraws the scope from every holder, ends their sessions, and changes nothing else', async () => {
    const { name } = await declared(newName())
    const other = newName()
    const client = await newRefreshingClient({ scopes: [name, `${name}:*`, other] })
    const requested = await newClient({ scopes: [name], requestedOnly: true })
    const user = await newUser({ scopes: [name, 'submission:read'] })
    const otherClient = await newRefreshingClient({ scopes: ['submission:read'] })
    const otherUser = await newUser()
    const ended = await machineToken(client)
    const ofUser = await userTokens(otherClient, user)
    const kept = await userTokens(otherClient, otherUser)
    before = await lastAudit()

    await scopes.deleteScope(act, name, true)
    expect(await scopesOf(client.id)).toEqual([other])
    expect(await scopesOf(requested.id)).toEqual([])
    expect(await all('SELECT scope FROM user_scope WHERE user_id = ?1', user.id)).toEqual([
      { scope: 'submission:read' },
    ])
    expect(await sessionOf(ended)).toBeNull()
    expect(await sessionOf(ofUser.access)).toBeNull()
    expect(await sessionOf(kept.access)).not.toBeNull()

    const events = await eventsOf(before)
    expect(events.map(({ event }) => event)).toEqual([
      ...['client.withdraw', 'client.withdraw', 'user.withdraw', 'scope.delete'],
    ])
    const ofClient = events.find(({ client_id }) => client_id === client.id)
    expect(JSON.parse(ofClient?.detail ?? '')).toEqual({ scopes: [name, `${name}:*`] })
    expect(events[2]?.user_id).toBe(user.id)
  })

  it('a deletion with withdrawal raises the versions of the holders of the scope, and no other version', async () => {
    const { name } = await declared(newName())
    const [holder, other] = [await newClient({ scopes: [name] }), await newClient()]
    const versions = async () =>
      Promise.all(
        [holder, other].map(async ({ id }) => (await ports.clients.find(id))?.version ?? 0),
      )
    const [heldBefore = 0, otherBefore = 0] = await versions()
    await scopes.deleteScope(act, name, true)
    const [heldAfter = 0, otherAfter = 0] = await versions()
    expect(heldAfter).toBeGreaterThan(heldBefore)
    expect(otherAfter).toBe(otherBefore)
  })

  it('the deletion of a scope does not withdraw a narrower scope that is declared itself', async () => {
    const { name } = await declared(newName())
    const own = (await declared(`${name}:own`)).name
    const client = await newClient({ scopes: [own] })
    const both = await newRefreshingClient({ scopes: [own, `${name}:*`] })
    const token = await machineToken(client)
    await scopes.deleteScope(act, name, true)
    expect(await scopesOf(client.id)).toEqual([own])
    expect(await scopesOf(both.id)).toEqual([own])
    expect(await sessionOf(token)).not.toBeNull()
  })

  it('the deletion of a scope ends no session of a holder who also has a wider scope', async () => {
    const name = newName()
    const one = (await declared(`${name}:7`)).name
    const client = await newClient({ scopes: [one, `${name}:*`] })
    const token = await machineToken(client)
    await scopes.deleteScope(act, one, true)
    expect(await scopesOf(client.id)).toEqual([`${name}:*`])
    expect(await sessionOf(token)).not.toBeNull()
  })

  it.each(['openid', 'https://example.org/scope', 'a:b:c:d', 'Files.Read:x'])(
    'the deletion of %s, which has no hierarchy, withdraws only this scope',
    async (name) => {
      await declared(name)
      const client = await newClient({ scopes: [name, `${name}:*`, `${name}:7`, `${name}x`] })
      await scopes.deleteScope(act, name, true)
      expect(await scopesOf(client.id)).toEqual([`${name}:*`, `${name}:7`, `${name}x`])
    },
  )

  it('a client holds a scope that is deleted and authorized at the same time only if it was authorized last', async () => {
    for (let round = 0; round < 8; round += 1) {
      const { name } = await declared(newName())
      const client = await newClient({ scopes: ['submission:read'] })
      const given = authorizeClient(act, client.id, { scopes: [name] })
      const deleted = scopes.deleteScope(act, name, true)
      const [authorized] = await Promise.all([given, deleted])
      const held = (await scopesOf(client.id)).includes(name)
      const order = (await eventsOf(before))
        .filter(({ event, detail }) => event !== 'scope.create' && detail.includes(name))
        .map(({ event }) => event)
      // The audit has the order.
      expect(held).toBe(order.at(-1) === 'client.authorize')
      expect(authorized.record.clientId).toBe(client.id)
    }
  })

  it('a deletion without withdrawal at the same time as an authorization of the scope is refused or was done first', async () => {
    for (let round = 0; round < 8; round += 1) {
      const { name } = await declared(newName())
      const client = await newClient({ scopes: [] })
      const [, deleted] = await Promise.allSettled([
        authorizeClient(act, client.id, { scopes: [name] }),
        scopes.deleteScope(act, name, false),
      ])
      expect(await scopesOf(client.id)).toEqual([name])
      const order = (await eventsOf(before))
        .filter(({ event, detail }) => event !== 'scope.create' && detail.includes(name))
        .map(({ event }) => event)
      if (deleted?.status === 'rejected') expect(order).toEqual(['client.authorize'])
      else expect(order).toEqual(['scope.delete', 'client.authorize'])
    }
  })
})

describe('importing scopes', () => {
  it('an import declares new scopes, changes others and keeps the rest, and an equal import changes nothing', async () => {
    const [same, changed, fresh, absent] = [newName(), newName(), newName(), newName()]
    const untouched = await declared(same)
    const old = await declared(changed)
    await declared(absent)
    before = await lastAudit()
    const given = [
      { name: same, ...fields },
      { name: changed, ...fields, sensitive: true },
      { name: fresh, ...fields, selfRegistered: true },
    ]
    expect(await scopes.importScopes(act, given)).toEqual({
      created: [fresh],
      updated: [changed],
      notes: [],
    })
    expect(await scopes.findScope(act, same)).toEqual(untouched)
    expect(await scopes.findScope(act, fresh)).toMatchObject({ selfRegistered: true })
    const { version, sensitive } = await scopes.findScope(act, changed)
    expect(sensitive).toBe(true)
    expect(version).toBeGreaterThan(old.version)
    expect(await scopes.findScope(act, absent)).toMatchObject({ name: absent })
    const events = await eventsOf(before)
    expect(events.map(({ event }) => event)).toEqual(['scope.create', 'scope.update'])
    expect(JSON.parse(events[1]?.detail ?? '')).toEqual({
      name: changed,
      sentence: 'Read things',
      self_registered: false,
      sensitive: true,
    })
    expect(await scopes.importScopes(act, given)).toEqual({ created: [], updated: [], notes: [] })
    expect(await eventsOf(before)).toHaveLength(2)
  })

  it(`no more than ${MAX_DECLARED} scopes can be declared, and an import of more changes nothing`, async () => {
    const held = Number(await env.DB.prepare('SELECT count(*) AS n FROM scope').first('n'))
    const many = Array.from({ length: MAX_DECLARED - held }, (_, index) => ({
      name: `full${index}`,
      ...fields,
    }))
    const first = newName()
    const tooMany = [...many, { name: first, ...fields }]
    expect(await refusalOf(scopes.importScopes(act, tooMany))).toMatchObject({ kind: 'conflict' })
    expect(await scopes.importScopes(act, [])).toMatchObject({ created: [] })
    expect(await refusalOf(scopes.findScope(act, 'full0'))).toMatchObject({ kind: 'not_found' })
    expect(await eventsOf(before)).toEqual([])
    expect((await scopes.importScopes(act, many)).created).toHaveLength(many.length)
    expect(await refusalOf(declared(first))).toMatchObject({ kind: 'conflict' })
    expect((await scopes.importScopes(act, many)).updated).toEqual([])
    await env.DB.prepare(`DELETE FROM scope WHERE name LIKE 'full%'`).run()
  })
})

describe('notes about scopes that are not declared', () => {
  it('an authorization of a scope that is not declared is done, and a note names the scope', async () => {
    const { name } = await declared(newName())
    const missing = newName()
    const client = await newClient({ scopes: [] })
    const given = [name, `${name}:7`, `${name}:*`, missing, 'unknown']
    const { notes } = await authorizeClient(act, client.id, { scopes: given })
    expect(notes).toEqual([
      `not declared, so the consent page shows only the name: ${missing} unknown`,
    ])
    expect(await scopesOf(client.id)).toEqual([...given].sort())
  })
})

describe('importing categories', () => {
  const allCategories = () => pageOfCategories(act, '', 1000)
  const CS = { name: 'cs', title: 'Computer Science' }
  const MATH = { name: 'math', title: 'Mathematics' }
  it('an import replaces the categories and counts the changes, and an equal import changes nothing', async () => {
    expect(await replaceCategories(act, [CS, MATH])).toMatchObject({ added: 2, removed: 0 })
    const next = [
      { ...CS, title: 'Computing' },
      { name: 'cs.DL', title: 'Digital Libraries' },
    ]
    expect(await replaceCategories(act, next)).toMatchObject({ added: 1, changed: 1, removed: 1 })
    const { categories } = await allCategories()
    expect(categories).toEqual(next)
    expect(await replaceCategories(act, next)).toMatchObject({ added: 0, changed: 0, removed: 0 })
    expect(
      (await eventsOf(before)).map(({ event, detail }) => [event, JSON.parse(detail)]),
    ).toEqual([
      ['category.replace', { added: 2, changed: 0, removed: 0 }],
      ['category.replace', { added: 1, changed: 1, removed: 1 }],
    ])
  })

  it('an import of categories with the version of a replaced list is stale', async () => {
    const { version } = await allCategories()
    const { version: next } = await replaceCategories(act, [CS])
    expect(await refusalOf(replaceCategories(act, [MATH], version))).toMatchObject({
      kind: 'stale',
    })
    expect((await allCategories()).categories).toEqual([CS])
    await replaceCategories(act, [MATH], next)
    expect((await allCategories()).categories).toEqual([MATH])
  })

  it('only one of several simultaneous imports of categories with the same version succeeds', async () => {
    const { version } = await allCategories()
    const lists = Array.from({ length: 6 }, (_, index) => [{ name: 'cs', title: `Title ${index}` }])
    const done = await Promise.allSettled(
      lists.map((list) => replaceCategories(act, list, version)),
    )
    expect(done.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })
})
