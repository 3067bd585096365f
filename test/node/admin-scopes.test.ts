/** `scope …` and `category …` of the command line: output, rows and refusals. */

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseText } from '../../src/cli/registry-file/text.ts'
import { inProject } from '../../src/local/project.ts'
import { type ServedState, servedState } from './command-line.ts'

type Scope = Readonly<{
  name: string
  sentence: string
  self_registered: boolean
  sensitive: boolean
}>

let state: ServedState
beforeAll(async () => {
  state = await servedState()
})
afterAll(() => state.close())

const file = async (content: unknown) => {
  const path = join(state.stateDir, 'catalogue.json')
  const text = typeof content === 'string' ? content : JSON.stringify(content, null, 2)
  await writeFile(path, text)
  return path
}
const show = (name: string) => state.json<Scope>(['scope', 'show', name])
const ARXIV = inProject('examples/arxiv-scopes.json')

describe('scope create, update, show, list and delete', () => {
  it('the scope commands declare, show, change and delete a scope', async () => {
    const words = ['scope', 'create', 'https://example.org/a', '--sentence', 'Read A']
    const created = await state.json<Scope>([...words, '--sensitive'])
    expect(created).toEqual({
      name: 'https://example.org/a',
      sentence: 'Read A',
      self_registered: false,
      sensitive: true,
      created_at: expect.any(String),
      updated_at: expect.any(String),
    })
    expect(await show('https://example.org/a')).toEqual(created)
    const change = ['scope', 'update', 'https://example.org/a', '--no-sensitive']
    expect(await state.json([...change, '--self-registered'])).toMatchObject({
      sentence: 'Read A',
      self_registered: true,
      sensitive: false,
    })
    expect(await state.json(['scope', 'delete', 'https://example.org/a'])).toMatchObject({
      name: 'https://example.org/a',
    })
    expect(await state.admin(['scope', 'show', 'https://example.org/a'])).toMatchObject({
      status: 1,
      stderr: 'error: the scope "https://example.org/a" is not declared\n',
    })
  })

  it('scope list prints the scopes in the order of their names, as a table or as JSON', async () => {
    for (const name of ['list:b', 'list:a', 'list:c']) {
      await state.json(['scope', 'create', name, '--sentence', `Read ${name}`])
    }
    const listed = await state.json<Scope[]>(['scope', 'list', '--after', 'list:', '--limit', '2'])
    expect(listed.map(({ name }) => name)).toEqual(['list:a', 'list:b'])
    const { stdout } = await state.admin(['scope', 'list', '--after', 'list:'])
    expect(stdout).toMatch(
      /^name +sensitive +self_registered +sentence\nlist:a +false +false +Read list:a\n/,
    )
  })

  it('scope delete refuses a scope that a client holds, except with --withdraw', async () => {
    await state.json(['scope', 'create', 'held:read', '--sentence', 'Read'])
    const words = ['client', 'create', '--name', 'N', '--owner', 'o', '--scope']
    const { client_id } = await state.json<{ client_id: string }>([...words, 'held:read:* a:b'])
    const before = await state.dump()
    expect(await state.admin(['scope', 'delete', 'held:read'])).toEqual({
      status: 1,
      stdout: '',
      stderr:
        'error: 1 client and 0 users hold the scope "held:read", and --withdraw takes it from them\n',
    })
    expect(await state.dump()).toEqual(before)
    await state.json(['scope', 'delete', 'held:read', '--withdraw'])
    expect(await state.json(['client', 'show', client_id])).toMatchObject({ scopes: ['a:b'] })
    const [event] = await state.json<{ event: string; actor: string }[]>(['audit', '--limit', '1'])
    expect(event).toMatchObject({ event: 'scope.delete' })
  })

  it.each([
    [['create', 'a"b', '--sentence', 'S'], 'name: "a\\"b" is not a scope'],
    [['create', 'é', '--sentence', 'S'], 'is not a scope'],
    [['create', 'a'.repeat(257), '--sentence', 'S'], 'name must not be longer than 256 characters'],
    [['create', 'registry:read', '--sentence', 'S'], 'name must not begin with registry:'],
    [['create', 'a:b', '--sentence', ''], '--sentence must not be empty'],
    [['create', 'a:b', '--sentence', 'a\nb'], '--sentence must be one line'],
    [['create', 'a:b', '--sentence', 'a\u202eb'], '--sentence must be one line'],
    [['create', 'a:b', '--sentence', 'a'.repeat(301)], '--sentence must not be longer than 300'],
    [['update', 'list:a', '--sentence', ' '], '--sentence must not be empty'],
    [['update', 'nothing', '--sensitive'], 'the scope "nothing" is not declared'],
    [['delete', 'nothing', '--withdraw'], 'the scope "nothing" is not declared'],
    [['import', '/no/such/file'], '"/no/such/file" cannot be read (ENOENT)'],
  ])('the command scope %j is refused in one line, and nothing is written', async (words, line) => {
    const before = await state.dump()
    const { status, stdout, stderr } = await state.admin(['scope', ...words])
    expect([status, stdout, stderr.split('\n').length]).toEqual([1, '', 2])
    expect(stderr).toContain(line)
    expect(await state.dump()).toEqual(before)
  })

  it.each([
    [['create', 'a:b']],
    [['create', '--sentence', 'S']],
    [['update', 'list:a']],
    [['update', 'list:a', '--withdraw']],
    [['delete']],
  ])('the command scope %j is wrong usage', async (words) => {
    expect((await state.admin(['scope', ...words])).status).toBe(2)
  })
})

describe('a note about a scope that is not declared', () => {
  it('a command that gives a client an undeclared scope gives the scope and prints a note', async () => {
    const create = ['client', 'create', '--name', 'N', '--owner', 'o', '--json', '--scope']
    const created = await state.admin([...create, 'list:a list:a:7 no:such'])
    expect(created).toMatchObject({
      status: 0,
      stderr: 'note: not declared, so the consent page shows only the name: no:such\n',
    })
    const { client_id } = JSON.parse(created.stdout) as { client_id: string }
    const verbs = [
      ['update', client_id, '--scope', 'other'],
      ['authorize', client_id, '--scope', 'other'],
    ]
    for (const words of verbs) {
      const { status, stderr } = await state.admin(['client', ...words])
      expect([status, stderr]).toEqual([
        0,
        'note: not declared, so the consent page shows only the name: other\n',
      ])
    }
    expect((await state.admin([...create, 'list:b'])).stderr).toBe('')
  })

  it("a command that gives a client one of the registry's own scopes prints no note, because these need no declaration", async () => {
    const create = ['client', 'create', '--name', 'N', '--owner', 'o', '--scope', 'registry:read']
    expect(await state.admin(create)).toMatchObject({ status: 0, stderr: '' })
  })
})

describe('scope import and category import', () => {
  it('scope import and category import import the example, and a second import changes nothing', async () => {
    const first = await state.json<{ created: string[]; updated: string[] }>([
      ...['scope', 'import', ARXIV],
    ])
    expect([first.created.length, first.updated]).toEqual([19, []])
    expect(await show('submission:read')).toMatchObject({
      sentence: 'Read your submissions, including those not announced yet',
    })
    expect(await state.json(['scope', 'import', ARXIV])).toEqual({ created: [], updated: [] })
    const categories = ['category', 'import', ARXIV]
    expect(await state.json(categories)).toEqual({ added: 20, changed: 0, removed: 0 })
    expect(await state.json(categories)).toEqual({ added: 0, changed: 0, removed: 0 })
    expect(await state.json<unknown[]>(['category', 'list'])).toContainEqual({
      name: 'cs',
      title: 'Computer Science',
    })
    expect((await state.admin(['category', 'list'])).stdout).toContain('Quantum Physics')
  })

  it('scope import reports each bad scope with its line, and changes nothing', async () => {
    const path = await file(`{
  "categories": [{ "name": "cs" }],
  "scopes": [
    { "name": "good:one", "sentence": "Good" },
    { "name": "bad one", "sentence": "Bad" },
    { "name": "bad:two" }, { "name": "bad:three", "sentence": 7 },
    { "name": "bad:four", "sentence": "Bad", "sensitve": true },
    {
      "name": "bad:five",
      "sentence": "Bad", "sensitive": "yes"
    },
    { "name": "good:one", "sentence": "Twice" },
    "bad", null
  ]
}`)
    const before = await state.dump()
    const { status, stdout, stderr } = await state.admin(['scope', 'import', path])
    expect([status, stdout]).toEqual([1, ''])
    const lines = stderr.trimEnd().split('\n')
    expect(lines.map((line) => Number(/line (\d+)/.exec(line)?.[1] ?? 0))).toEqual([
      ...[5, 6, 6, 7, 8, 12, 13, 13, 0],
    ])
    for (const words of ['name', 'sentence is required', 'sentence must be text', 'sensitve']) {
      expect(stderr).toContain(words)
    }
    expect(stderr).toContain('sensitive must be true or false')
    expect(stderr).toContain('"good:one" comes twice')
    expect(lines.at(-1)).toContain('8 of 9 scopes are bad, and nothing was changed')
    expect(await state.dump()).toEqual(before)
  })

  it.each<[string, unknown, string]>([
    ['that is not JSON', '{"scopes": [', 'is not JSON'],
    ['that is a list', [], 'has no list "scopes"'],
    ['that is null', null, 'has no list "scopes"'],
    ['without a list', { scope: [] }, 'has no list "scopes"'],
    ['with an object in place of the list', { scopes: {} }, 'has no list "scopes"'],
    [
      "with one of the registry's own scopes",
      { scopes: [{ name: 'registry:a', sentence: 'S' }] },
      'line 3',
    ],
  ])('scope import refuses a file %s', async (_, content, words) => {
    const before = await state.dump()
    const { status, stderr } = await state.admin(['scope', 'import', await file(content)])
    expect(status).toBe(1)
    expect(stderr).toContain(words)
    expect(await state.dump()).toEqual(before)
  })

  it('category import reports each bad category with its line, and changes nothing', async () => {
    const path = await file({
      categories: [
        { name: 'cs', title: 'Computing' },
        { name: 'cs.*', title: 'Every category' },
        { name: 'cs.DL', title: '' },
        { name: 'CS', title: 'Capitals' },
      ],
    })
    const before = await state.dump()
    const { status, stderr } = await state.admin(['category', 'import', path])
    expect(status).toBe(1)
    expect(stderr.match(/line \d+/g)).toEqual(['line 7', 'line 11', 'line 15'])
    expect(await state.dump()).toEqual(before)
  })
})

describe('the lines of a file', () => {
  const trimmed = (lines: readonly string[]) => lines.map((line) => line.trim()).join('')

  it('the line of each item is found in any JSON file that contains the list', () => {
    const json = fc.jsonValue({ maxDepth: 3 })
    const others = fc.dictionary(fc.constantFrom('a', 'b"', '[', 'categories'), json)
    fc.assert(
      fc.property(
        others,
        fc.array(json),
        others,
        fc.constantFrom(1, 3),
        (before, items, after, indent) => {
          const text = JSON.stringify({ ...before, scopes: items, ...after }, null, indent)
          const { lineOf } = parseText(text)
          for (const [index, item] of items.entries()) {
            const found = trimmed(text.split('\n').slice(lineOf(['scopes', index]) - 1))
            expect(found.startsWith(trimmed(JSON.stringify(item, null, indent).split('\n')))).toBe(
              true,
            )
          }
        },
      ),
      { numRuns: 500 },
    )
  })

  it('the line of an item is found in the last of several lists with the same name, as JSON.parse reads it', () => {
    expect(parseText('{"scopes": [\n1],\n"scopes":\n[\n2]}').lineOf(['scopes', 0])).toBe(5)
  })
})
