/** The rooms of src/ and the doors between them. A new door is a decision: it is made in this table. */

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, extname, join, relative } from 'node:path'
import { describe, expect, it } from 'vitest'

const SRC = join(import.meta.dirname, '../../src')
const MAX_LINES = 300

/** What each room may import: another room, or one file of it. */
const DOORS: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  // The types by which one digest is not taken for another.
  crypto: ['domain/ids.ts'],
  protocol: ['domain', 'crypto'],
  'deadlines.ts': [],
  stores: ['domain', 'crypto', 'deadlines.ts'],
  flows: ['domain', 'crypto', 'protocol', 'stores/ports.ts'],
  // protocol/errors.ts: the error codes that the pages under /errors explain.
  pages: ['domain', 'protocol/errors.ts'],
  http: ['domain', 'crypto', 'protocol', 'stores/ports.ts', 'deadlines.ts'],
  // crypto: the sign-in form's own secret, made before there is a session to derive a token from.
  routes: ['domain', 'crypto', 'protocol', 'flows', 'http', 'pages'],
  authenticator: ['domain', 'crypto', 'protocol', 'stores', 'deadlines.ts', 'config.ts'],
  // crypto: behind nginx the middleware verifies the authenticator's JWT itself.
  'resource-server': ['domain', 'crypto', 'protocol'],
  // The local runner. config.ts: `npm start` refuses a bad setting before it starts anything.
  // pages/error-explanations.ts: npm run docs writes docs/errors.md from it.
  local: ['domain', 'crypto', 'stores', 'config.ts', 'pages/error-explanations.ts'],
  // local: where the local state is, who serves it, and how its owner is told of a refusal.
  // config.ts: `npm run deploy` checks an issuer and secrets as the workers do.
  cli: ['domain', 'crypto', 'stores', 'local', 'config.ts'],
  // crypto: how long a secret must be.
  'config.ts': ['crypto', 'protocol'],
  'app.ts': ['http', 'protocol', 'routes'],
  'compose.ts': ['domain', 'http', 'stores', 'config.ts', 'app.ts'],
  'worker.ts': ['http', 'compose.ts'],
}

/** Who may name a binding's type. `compose.ts` and `worker.ts` are the registry's composition. */
const KNOW_BINDINGS = ['stores', 'authenticator', 'cli', 'local', 'compose.ts', 'worker.ts']
const BINDING_TYPE =
  /\b(?:KVNamespace|D1Database|D1DatabaseSession|D1PreparedStatement|D1Result|RateLimit|Fetcher|Queue|R2Bucket|DurableObject\w*)\b/

/** Rooms where nothing happens that is not an argument. */
const TIMELESS = ['domain', 'protocol', 'flows']

type Import = Readonly<{ specifier: string; target: string | null }>
type Source = Readonly<{ path: string; room: string; text: string; imports: readonly Import[] }>

const roomOf = (path: string) => path.split('/')[0] ?? ''

/** `target` is a path in src/; null for a package. */
function importsOf(path: string, text: string): Import[] {
  const found = text.matchAll(/\b(?:from|import)\s*\(?\s*['"`]([^'"`]+)['"`]/g)
  return Array.from(found, ([, specifier = '']) => ({
    specifier,
    target: specifier.startsWith('.') ? join(dirname(path), specifier) : null,
  }))
}

const sources: readonly Source[] = readdirSync(SRC, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
  .map((entry) => {
    const file = join(entry.parentPath, entry.name)
    const path = relative(SRC, file)
    const text = readFileSync(file, 'utf8')
    return { path, room: roomOf(path), text, imports: importsOf(path, text) }
  })

const paths = new Set(sources.map(({ path }) => path))

/** The door of the table that an import goes through; undefined if there is none. */
const doorFor = (from: string, target: string) =>
  DOORS[from]?.find((door) => door === target || door === roomOf(target))

/** Every import that leaves its room. */
const crossings = sources.flatMap(({ path, room, imports }) =>
  imports.flatMap(({ target }) =>
    target === null || roomOf(target) === room ? [] : [{ path, room, target }],
  ),
)

const pathsWhere = (isAtFault: (source: Source) => boolean) =>
  sources.filter(isAtFault).map(({ path }) => path)

describe('the table of allowed imports', () => {
  it('imports are read from every source file', () => {
    expect(sources.length).toBeGreaterThan(50)
    expect(crossings).toContainEqual({
      path: 'flows/deps.ts',
      room: 'flows',
      target: 'stores/ports.ts',
    })
    expect(importsOf('cli/a.ts', "const b = await import('../local/b.ts')")).toEqual([
      { specifier: '../local/b.ts', target: 'local/b.ts' },
    ])
  })

  it('the table of allowed imports has every folder of src and no other', () => {
    expect(Object.keys(DOORS).sort()).toEqual([...new Set(sources.map(({ room }) => room))].sort())
  })

  it('every import is in the table of allowed imports', () => {
    const forbidden = crossings.filter(({ room, target }) => !doorFor(room, target))
    expect(forbidden.map(({ path, target }) => `${path} -> ${target}`)).toEqual([])
  })

  it('every entry in the table of allowed imports is used, unless the design allows it', () => {
    const used = new Set(crossings.map(({ room, target }) => `${room} -> ${doorFor(room, target)}`))
    const doors = Object.entries(DOORS).flatMap(([room, to]) => to.map((t) => `${room} -> ${t}`))
    expect(doors.filter((door) => !used.has(door))).toEqual([])
  })
})

describe('the files of src', () => {
  it('every file in src has at most 300 lines', () => {
    expect(pathsWhere(({ text }) => text.trimEnd().split('\n').length > MAX_LINES)).toEqual([])
  })

  it('every file in src begins with a comment that says what it is', () => {
    expect(pathsWhere(({ text }) => !/^\/\*\*\s+\S/.test(text))).toEqual([])
  })

  it('every import in src names an existing file with its extension', () => {
    const targets = sources.flatMap(({ imports }) => imports.map(({ target }) => target))
    const local = targets.filter((target) => target !== null)
    expect(local.filter((target) => extname(target) === '' || !paths.has(target))).toEqual([])
  })

  it('no file in src has TODO, FIXME or the type any', () => {
    expect(pathsWhere(({ text }) => /\bas any\b|\bTODO\b|\bFIXME\b/.test(text))).toEqual([])
  })
})

describe('forbidden dependencies', () => {
  it('domain imports no package', () => {
    const packages = sources
      .filter(({ room }) => room === 'domain')
      .flatMap(({ path, imports }) => imports.map((one) => ({ path, ...one })))
      .filter(({ target }) => target === null)
      .map(({ path, specifier }) => `${path} -> ${specifier}`)
    expect(packages).toEqual([])
  })

  it('only stores, the composition of the workers, cli and local know the types of bindings', () => {
    const knows = ({ room, text }: Source) =>
      BINDING_TYPE.test(text) && !KNOW_BINDINGS.includes(room)
    expect(pathsWhere(knows)).toEqual([])
  })

  it('domain, protocol and flows do not read the clock', () => {
    const asks = ({ room, text }: Source) =>
      TIMELESS.includes(room) && /\bDate\.now\b|\bnew Date\(\)|\bperformance\b/.test(text)
    expect(pathsWhere(asks)).toEqual([])
  })
})
