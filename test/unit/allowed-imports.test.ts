/** Which folder of src/ may import which. A new entry in the table is a decision: the commit says why. */

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, extname, join, relative } from 'node:path'
import { describe, expect, it } from 'vitest'

const SRC = join(import.meta.dirname, '../../src')
const MAX_LINES = 300
/** The most files that a reader of `POST /token` has to know. */
const MAX_FILES_OF_TOKEN = 47

/** The folders and files that each folder, or each file directly in src/, may import. */
const ALLOWED_IMPORTS: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  // domain/ids.ts: the types that keep digests of different kinds apart.
  // domain/json-object.ts: the members of keys and JWTs are read from untrusted JSON.
  crypto: ['domain/ids.ts', 'domain/json-object.ts'],
  protocol: ['domain', 'crypto'],
  'deadline.ts': [],
  // protocol: the URLs that may be fetched.
  outbound: ['protocol', 'deadline.ts'],
  // deadline.ts: a request waits for the read of another request only until a deadline.
  stores: ['domain', 'crypto', 'deadline.ts'],
  // stores: only their types, which state what a store promises to a flow.
  flows: ['domain', 'crypto', 'protocol', 'stores'],
  // protocol/errors.ts: the error codes that the pages under /errors explain.
  pages: ['domain', 'protocol/errors.ts'],
  // stores: only their types. flows/deps.ts: the type of the request context, which the frame makes.
  http: ['domain', 'crypto', 'protocol', 'stores', 'flows/deps.ts', 'deadline.ts'],
  // crypto: the sign-in form needs its own secret, because no session exists yet from which a form token could be derived.
  routes: ['domain', 'crypto', 'protocol', 'flows', 'http', 'pages'],
  // secrets.ts: the keys of the authenticator.
  authenticator: [
    'domain',
    'crypto',
    'protocol',
    'stores',
    'deadline.ts',
    'config.ts',
    'secrets.ts',
  ],
  // authenticator/check.ts, authenticator/seen-proofs.ts: management checks access tokens as any other resource server does.
  // config.ts: the registry's settings decide what a change revokes, and `status` shows them.
  // outbound: management reads client metadata documents.
  // pages, routes/error-page.tsx, routes/sign-out-page.tsx: management serves the portal, the invitation page and the
  // reference in the design of every other page.
  // routes/token.ts, routes/authorization-pairs.ts, routes/endpoint.ts: the request checker runs the code of these endpoints.
  management: [
    'domain',
    'crypto',
    'protocol',
    'stores',
    'flows',
    'http',
    'outbound',
    'deadline.ts',
    'config.ts',
    'webhook-settings.ts',
    'authenticator/check.ts',
    'authenticator/seen-proofs.ts',
    'pages',
    'routes/error-page.tsx',
    'routes/sign-out-page.tsx',
    'routes/token.ts',
    'routes/authorization-pairs.ts',
    'routes/endpoint.ts',
  ],
  // crypto: behind nginx, and with the key set, the middleware verifies a JWT itself.
  // stores/isolate-memory.ts: bounds the caches. stores/verification-keys.ts: reads key sets as the authenticator does.
  'resource-server': [
    'domain',
    'crypto',
    'protocol',
    'stores/isolate-memory.ts',
    'stores/verification-keys.ts',
  ],
  // config.ts: `npm start` refuses a bad setting before it starts anything.
  // pages/error-explanations.ts: npm run docs writes docs/errors.md from it.
  local: [
    'domain',
    'crypto',
    'stores',
    'config.ts',
    'secrets.ts',
    'webhook-settings.ts',
    'pages/error-explanations.ts',
  ],
  // local: where the local state is, which process serves it, and how a program reports a refusal.
  // config.ts: `npm run deploy` checks an issuer as the workers do.
  // protocol/registration: the rules of a registration, so that a refusal names the option. Changes go through the API.
  cli: ['domain', 'crypto', 'protocol', 'local', 'config.ts', 'secrets.ts'],
  'config.ts': ['domain', 'protocol', 'page-settings.ts', 'secrets.ts'],
  // Not in config.ts, so that the bundles of the other workers lack it. protocol: the URLs that may be fetched.
  'webhook-settings.ts': ['crypto', 'protocol'],
  // crypto: the minimum length of a secret, and the form of a key.
  'secrets.ts': ['crypto'],
  // domain: the contrast of a colour with the background of the pages.
  'page-settings.ts': ['domain', 'protocol'],
  'app.ts': ['http', 'protocol', 'routes'],
  // protocol/client-documents.ts, protocol/key-set.ts: the requests to the management worker and its responses.
  'compose.ts': [
    'domain',
    'http',
    'protocol/client-documents.ts',
    'protocol/key-set.ts',
    'stores',
    'config.ts',
    'secrets.ts',
    'deadline.ts',
    'app.ts',
  ],
  'worker.ts': ['http', 'compose.ts'],
}

/** Which folders and files may name a binding's type. */
const MAY_NAME_BINDINGS = [
  'stores',
  'authenticator',
  'management',
  'local',
  'compose.ts',
  'worker.ts',
]
const BINDING_TYPE =
  /\b(?:KVNamespace|D1Database|D1DatabaseSession|D1PreparedStatement|D1Result|RateLimit|Fetcher|Queue|R2Bucket|DurableObject\w*)\b/

/** Folders that use neither HTTP objects nor the clock: plain data and the time are arguments. */
const PURE = ['domain', 'protocol', 'flows']
/** An HTTP object as a value or as a type. */
const HTTP_OBJECT =
  /\bnew (?:Request|Response|Headers)\b|[:<|] *(?:Request|Response|Headers)\b(?!\w)/

type Import = Readonly<{ specifier: string; target: string | null }>
type Source = Readonly<{ path: string; folder: string; text: string; imports: readonly Import[] }>

/** The folder of a path, or the name of a file of src/ itself. */
const folderOf = (path: string) => path.split('/')[0] ?? ''

/** `target` is a path in src/; null for a package. */
function importsOf(path: string, text: string): Import[] {
  const found = text.matchAll(/(?<!\.)\b(?:from|import)\s*\(?\s*['"`]([^'"`]+)['"`]/g)
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
    return { path, folder: folderOf(path), text, imports: importsOf(path, text) }
  })

const paths = new Set(sources.map(({ path }) => path))

/** The entry of the table that allows an import; undefined if none does. */
const entryFor = (from: string, target: string) =>
  ALLOWED_IMPORTS[from]?.find((entry) => entry === target || entry === folderOf(target))

/** Every import of a file in another folder. */
const foreignImports = sources.flatMap(({ path, folder, imports }) =>
  imports.flatMap(({ target }) =>
    target === null || folderOf(target) === folder ? [] : [{ path, folder, target }],
  ),
)

/** Type imports load nothing when the code runs. */
const withoutTypeImports = (text: string) =>
  text.replace(/^(?:import|export) type [^']*'[^']*'$/gm, '')

/** The file and everything that it imports, directly or through other files. */
function filesLoadedFor(path: string): ReadonlySet<string> {
  const loaded = new Set([path])
  for (const one of loaded) {
    const text = sources.find((source) => source.path === one)?.text ?? ''
    for (const { target } of importsOf(one, withoutTypeImports(text))) {
      if (target !== null) loaded.add(target)
    }
  }
  return loaded
}

const pathsWhere = (isAtFault: (source: Source) => boolean) =>
  sources.filter(isAtFault).map(({ path }) => path)

describe('the table of allowed imports', () => {
  it('imports are read from every source file', () => {
    expect(sources.length).toBeGreaterThan(50)
    expect(foreignImports).toContainEqual({
      path: 'flows/deps.ts',
      folder: 'flows',
      target: 'stores/clients.ts',
    })
    expect(importsOf('cli/a.ts', "const b = await import('../local/b.ts')")).toEqual([
      { specifier: '../local/b.ts', target: 'local/b.ts' },
    ])
  })

  it('the table of allowed imports has every folder of src and no other', () => {
    expect(Object.keys(ALLOWED_IMPORTS).sort()).toEqual(
      [...new Set(sources.map(({ folder }) => folder))].sort(),
    )
  })

  it('every import is in the table of allowed imports', () => {
    const forbidden = foreignImports.filter(({ folder, target }) => !entryFor(folder, target))
    expect(forbidden.map(({ path, target }) => `${path} -> ${target}`)).toEqual([])
  })

  it('every entry in the table of allowed imports is used, unless the design allows it', () => {
    const used = new Set(
      foreignImports.map(({ folder, target }) => `${folder} -> ${entryFor(folder, target)}`),
    )
    const entries = Object.entries(ALLOWED_IMPORTS).flatMap(([folder, to]) =>
      to.map((t) => `${folder} -> ${t}`),
    )
    expect(entries.filter((entry) => !used.has(entry))).toEqual([])
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

  it('the route of POST /token loads at most 47 files', () => {
    const loaded = filesLoadedFor('routes/token.ts')
    expect(loaded).toContain('flows/token/client-credentials.ts')
    expect(loaded).toContain('crypto/digest.ts')
    expect(loaded).not.toContain('flows/deps.ts')
    expect(loaded.size).toBeLessThanOrEqual(MAX_FILES_OF_TOKEN)
  })

  it('no file in src has TODO, FIXME or the type any', () => {
    expect(pathsWhere(({ text }) => /\bas any\b|\bTODO\b|\bFIXME\b/.test(text))).toEqual([])
  })
})

describe('forbidden dependencies', () => {
  it('domain imports no package', () => {
    const packages = sources
      .filter(({ folder }) => folder === 'domain')
      .flatMap(({ path, imports }) => imports.map((one) => ({ path, ...one })))
      .filter(({ target }) => target === null)
      .map(({ path, specifier }) => `${path} -> ${specifier}`)
    expect(packages).toEqual([])
  })

  it('only the folders and files that may name the type of a binding name one', () => {
    const knows = ({ folder, text }: Source) =>
      BINDING_TYPE.test(text) && !MAY_NAME_BINDINGS.includes(folder)
    expect(pathsWhere(knows)).toEqual([])
  })

  it('flows and http import nothing but types from stores', () => {
    const importsValues = ({ folder, path, text }: Source) =>
      (folder === 'flows' || folder === 'http') &&
      importsOf(path, withoutTypeImports(text)).some(({ target }) => target?.startsWith('stores/'))
    expect(pathsWhere(importsValues)).toEqual([])
  })

  it('domain, protocol and flows do not read the clock', () => {
    const asks = ({ folder, text }: Source) =>
      PURE.includes(folder) && /\bDate\.now\b|\bnew Date\(\)|\bperformance\b/.test(text)
    expect(pathsWhere(asks)).toEqual([])
  })

  it('domain, protocol and flows use no HTTP objects', () => {
    const knows = ({ text }: Source) => HTTP_OBJECT.test(text)
    expect(pathsWhere((source) => PURE.includes(source.folder) && knows(source))).toEqual([])
    // Control: HTTP objects are found in the files that use them, as values and as types.
    expect(pathsWhere(knows)).toEqual(
      expect.arrayContaining(['authenticator/app.ts', 'http/frame.ts']),
    )
  })
})
