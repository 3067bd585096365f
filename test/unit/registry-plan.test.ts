/** The plan of the changes that make the registry equal to a file. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Change, type Plan, planOf, type State } from '../../src/cli/registry-file/plan.ts'
import { changeText, summaryOf, unlistedText } from '../../src/cli/registry-file/plan-text.ts'
import { readRegistryFile } from '../../src/cli/registry-file/read.ts'
import { type Entry, isSame } from '../../src/cli/registry-file/section.ts'
import { SECTIONS } from '../../src/cli/registry-file/sections.ts'
import { registryText } from '../../src/cli/registry-file/text.ts'
import { runs } from '../sample.ts'
import { anyRaw, completed } from './registry-entries.ts'

const planFor = async (text: string, state: State, prunes = false): Promise<Plan> =>
  planOf(await readRegistryFile(text), state, prunes)

const CLIENTS = SECTIONS.find(({ name }) => name === 'clients') as (typeof SECTIONS)[number]

/** The state after the changes. Throws if a user would take the name of another user. */
function stateAfter(state: State, changes: readonly Change[]): State {
  const now = new Map([...state].map(([name, list]) => [name, [...list]]))
  for (const { section, id, before, after } of changes) {
    const list = now.get(section.name) ?? []
    const at = list.findIndex((entry) => entry[section.id] === id)
    expect(list[at] ?? null).toEqual(before)
    if (at >= 0) list.splice(at, 1)
    if (!after) continue
    const key = section.otherName?.keyOf(after)
    const holders = list.filter((one) => key !== undefined && section.otherName?.keyOf(one) === key)
    expect(holders).toEqual([])
    list.push(after)
    now.set(section.name, list)
  }
  return now
}

const sorted = (state: State) =>
  SECTIONS.map(({ name, id }) =>
    [...(state.get(name) ?? [])].sort((a, b) => (String(a[id]) < String(b[id]) ? -1 : 1)),
  )

describe('a plan', () => {
  it('a plan with --prune makes the registry equal to the file, and the next plan is empty', async () => {
    await fc.assert(
      fc.asyncProperty(anyRaw, anyRaw, async (from, to) => {
        const [state, wanted] = [await completed(from), await completed(to)]
        const text = registryText(wanted, 'json')
        const plan = await planFor(text, state, true)
        if (plan.problems.length > 0) {
          const known = /exchange their|is not in the file, but/
          expect(plan.problems.every(({ message }) => known.test(message))).toBe(true)
          return
        }
        const made = stateAfter(state, plan.changes)
        expect(sorted(made)).toEqual(sorted(wanted))
        expect((await planFor(text, made, true)).changes).toEqual([])
      }),
      { numRuns: runs(40, 300) },
    )
  })

  it('a plan without --prune deletes nothing, and the next plan is empty', async () => {
    await fc.assert(
      fc.asyncProperty(anyRaw, anyRaw, async (from, to) => {
        const [state, wanted] = [await completed(from), await completed(to)]
        const text = registryText(wanted, 'yaml')
        const plan = await planFor(text, state)
        if (plan.problems.length > 0) return
        expect(plan.changes.map(({ action }) => action)).not.toContain('delete')
        const made = stateAfter(state, plan.changes)
        for (const { name, id } of SECTIONS) {
          const given = wanted.get(name) ?? []
          const ids = given.map((entry) => entry[id])
          const rest = (state.get(name) ?? []).filter((entry) => !ids.includes(entry[id]))
          expect(new Set(made.get(name))).toEqual(new Set([...rest, ...given]))
        }
        expect((await planFor(text, made)).changes).toEqual([])
      }),
      { numRuns: runs(40, 300) },
    )
  })

  it('a plan changes nothing in a section that the file lacks, even with --prune', async () => {
    await fc.assert(
      fc.asyncProperty(anyRaw, fc.subarray([...SECTIONS]), async (raw, chosen) => {
        const state = await completed(raw)
        const part = new Map(chosen.map(({ name }) => [name, state.get(name) ?? []]))
        const plan = await planFor(registryText(part, 'yaml'), state, true)
        expect([plan.changes, plan.unlisted, plan.problems]).toEqual([[], [], []])
      }),
      { numRuns: runs(25, 200) },
    )
  })

  const users = (...names: readonly (readonly [id: string, username: string])[]): Entry[] =>
    names.map(([user_id, username]) => ({
      ...{ user_id, username, email: 'a@b', scopes: [], endorsements: [], disabled: false },
    }))
  const stateOf = (list: Entry[]): State => new Map([['users', list]])
  const textOf = (list: Entry[]) => registryText(stateOf(list), 'yaml')

  it('a plan renames a user before another user takes the former name', async () => {
    const state = stateOf(users(['1', 'ada'], ['2', 'bob'], ['3', 'eve']))
    const plan = await planFor(textOf(users(['1', 'bob'], ['2', 'eve'], ['3', 'zoe'])), state)
    expect(plan.changes.map(({ id }) => id)).toEqual(['3', '2', '1'])
  })

  it('a plan reports users who exchange their names as a problem, with the line of one of them', async () => {
    const state = stateOf(users(['1', 'ada'], ['2', 'bob']))
    const { problems } = await planFor(textOf(users(['1', 'Bob'], ['2', 'ada'])), state)
    expect(problems.map(({ line, message }) => `${line}: ${message}`)).toEqual([
      '5: user 1: entries exchange their username: rename one of them first',
    ])
  })

  it('a plan cannot give the name of a user who is not in the file to another user, except with --prune', async () => {
    const state = stateOf(users(['1', 'ada']))
    const text = textOf(users(['2', 'ADA']))
    expect((await planFor(text, state)).problems).toEqual([
      { line: 5, message: 'user 2: username is that of 1, which is not in the file' },
    ])
    const pruned = await planFor(text, state, true)
    expect(pruned.changes.map(({ action, id }) => `${action} ${id}`)).toEqual([
      'delete 1',
      'create 2',
    ])
  })

  it('a plan with --prune deletes no client and no user with a scope of the registry, even a requested one', async () => {
    const [one] = users(['1', 'ada']) as [Entry]
    const state = new Map([
      ['users', [{ ...one, scopes: ['registry:read'] }]],
      ['clients', [{ ...CLIENTS.defaults, client_id: 'ci', requested_scopes: ['registry:admin'] }]],
    ])
    const plan = await planFor('version: 1\nusers: []\nclients: []', state, true)
    expect(plan.changes).toEqual([])
    expect(unlistedText(plan)).toBe(
      '1 client, 1 user are not in the file and stay: --prune deletes none that has a registry: scope',
    )
  })

  it('a plan accepts an unchanged entry that breaks a rule, and refuses a changed one', async () => {
    const legacy = { ...(users(['1', 'two words'])[0] as Entry) }
    const state = stateOf([legacy])
    const text = textOf([legacy])
    const kept = await planFor(text, state)
    expect([kept.changes, kept.problems, kept.unchanged]).toEqual([[], [], 1])
    const { problems } = await planFor(text.replace('a@b', 'a@c'), state)
    expect(problems).toEqual([
      { line: 6, message: expect.stringContaining('user 1: username must be one word') },
    ])
  })

  it.each([
    ['holds it', 'scopes: [old]'],
    ['holds it for a resource', 'scopes: ["old:read:7"]'],
    ['has only requested it', 'requested_scopes: [old]'],
  ])(
    'a plan does not delete a scope while a client %s, whether the file has clients or not',
    async (_, held) => {
      const declared = { sentence: 'S', self_registered: false, sensitive: false }
      const name = held.includes('old:read') ? 'old:read' : 'old'
      const clients = `clients:\n  - {client_id: app, name: App, owner_id: o, grant_types: [], ${held}}\n`
      const read = await readRegistryFile(`version: 1\n${clients}`)
      const entry = read.items.get('clients')?.[0]?.entry as Entry
      const state = new Map([
        ['scopes', [{ name, ...declared }]],
        ['clients', [entry]],
      ])
      const message = `scope ${name} is not in the file, but client app refers to it: keep it, or change client app`
      for (const rest of ['', clients]) {
        const { problems } = await planFor(`version: 1\nscopes: []\n${rest}`, state, true)
        expect(problems).toEqual([{ line: 1, message }])
      }
      const without = await planFor('version: 1\nscopes: []\nclients: []', state, true)
      expect(without.changes.map(({ action, id }) => `${action} ${id}`)).toEqual([
        'delete app',
        `delete ${name}`,
      ])
    },
  )

  it('a plan declares scopes first and deletes them last, and deletes clients and users before other changes', async () => {
    const scope = (name: string) => ({
      name,
      sentence: 'S',
      self_registered: false,
      sensitive: false,
    })
    const state = new Map([
      ['scopes', [scope('old')]],
      ['users', users(['1', 'ada'])],
    ])
    const wanted = new Map([
      ['scopes', [scope('new')]],
      ['users', users(['2', 'ada'])],
    ])
    const plan = await planFor(registryText(wanted, 'yaml'), state, true)
    expect(
      plan.changes.map(({ action, section, id }) => `${action} ${section.noun} ${id}`),
    ).toEqual(['create scope new', 'delete user 1', 'create user 2', 'delete scope old'])
  })
})

describe('a printed plan', () => {
  const client = (more: object): Entry => ({
    ...CLIENTS.defaults,
    client_id: 'app',
    name: 'App',
    owner_id: 'o',
    ...{ url: '', description: '', auth_method: 'client_secret', jwks: null, require_pkce: false },
    ...{ require_dpop: false, may_introspect: false, access_token_lifetime_seconds: null },
    ...{ redirect_uris: [], grant_types: [], scopes: ['a', 'b'], endorsements: [] },
    ...{ requested_grant_types: [], requested_scopes: [], requested_endorsements: [] },
    disabled: false,
    ...more,
  })
  const wordsOf = async (from: Entry[], to: Entry[]) => {
    const state = new Map([['clients', from]])
    const text = registryText(new Map([['clients', to]]), 'yaml')
    const plan = await planFor(text, state, true)
    return [...plan.changes.map(changeText), summaryOf(plan)].join('\n')
  }

  it('a printed plan shows each changed field of a client with its old and new value, and each list with added and removed values', async () => {
    const changed = {
      name: 'B\u202ec',
      scopes: ['b', 'c'],
      disabled: true,
      access_token_lifetime_seconds: 60,
    }
    expect(await wordsOf([client({})], [client(changed)])).toBe(
      `change client app
    name: "App" -> "B\\u202ec"
    access_token_lifetime_seconds: none -> 60
    scopes: + c  - a
    disabled: no -> yes
0 to create, 1 to change, 0 to delete; 0 as in the file.`,
    )
  })

  it('a printed plan shows the fields of a new client that differ from the defaults, and the name of a deleted client', async () => {
    const old = client({ client_id: 'old', name: 'Old one' })
    expect(await wordsOf([old], [client({ grant_types: ['client_credentials'] })])).toBe(
      `delete client old (Old one)
create client app
    name: "App"
    owner_id: "o"
    grant_types: client_credentials
    scopes: a b
1 to create, 0 to change, 1 to delete; 0 as in the file.`,
    )
  })

  it('a printed plan without changes says that there are none', async () => {
    expect(await wordsOf([client({})], [client({})])).toBe('Nothing to change; 1 as in the file.')
    expect(isSame({ a: 1, b: [2] }, { b: [2], a: 1 })).toBe(true)
  })
})
