/** `/openapi.json` for other programs: a validator accepts it, and a generated client works. */

import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { credentialFile } from '../../src/local/operators.ts'
import { inProject } from '../../src/local/project.ts'
import {
  leavesNoSecret,
  type RecordedRegistry,
  startRecordedRegistry,
} from '../node/recorded-registry.ts'

const run = promisify(execFile)
const PROGRAMS = inProject('test/interop/programs')
const requireThere = createRequire(join(PROGRAMS, 'package.json'))
const TYPES = 'registry-api.d.ts'
const PROGRAM = 'generated-client.mjs'

let running: RecordedRegistry
let folder: string
let text: string
beforeAll(async () => {
  running = await startRecordedRegistry()
  text = await (await fetch(`${running.registry}/openapi.json`)).text()
  folder = await mkdtemp(join(tmpdir(), 'generated-client-'))
  await symlink(join(PROGRAMS, 'node_modules'), join(folder, 'node_modules'))
  await cp(join(PROGRAMS, PROGRAM), join(folder, PROGRAM))
  await writeFile(join(folder, 'package.json'), '{"type":"module"}')
  // A request may omit a member that has a default.
  const { default: generate, astToString } = await import(
    requireThere.resolve('openapi-typescript')
  )
  await writeFile(
    join(folder, TYPES),
    astToString(await generate(text, { defaultNonNullable: false })),
  )
})
afterAll(async () => {
  await running?.end()
  if (folder) await rm(folder, { recursive: true, force: true })
})

type Problem = Readonly<{ severity: string; ruleId: string; message: string }>

/** The problems by Redocly's recommended rules, about structure, references, paths, security and examples. */
async function lint(source: string): Promise<string[]> {
  const { createConfig, lintFromString } = requireThere('@redocly/openapi-core')
  const config = await createConfig({
    extends: ['recommended-strict'],
    rules: {
      // The licence and the servers belong to a deployment, not to the project.
      'info-license': 'off',
      // The metadata endpoint has no error response.
      'operation-4xx-response': 'off',
      'no-server-example.com': 'off',
    },
  })
  const problems: Problem[] = await lintFromString({ source, absoluteRef: 'openapi.json', config })
  return problems.map(({ ruleId, message }) => `${ruleId}: ${message}`)
}

it('a validator of OpenAPI 3.1 accepts /openapi.json', async () => {
  expect(await lint(text)).toEqual([])
})

it('control: the validator finds a reference to a missing schema, and an example that does not match its schema', async () => {
  const broken = text.replace(
    '"$ref":"#/components/schemas/Client"',
    '"$ref":"#/components/schemas/X"',
  )
  expect((await lint(broken)).join('\n')).toContain('no-unresolved-refs')
  const misfit = text.replace(
    '"example":{"overlap_seconds":3600}',
    '"example":{"overlap_seconds":"x"}',
  )
  expect((await lint(misfit)).join('\n')).toContain('example')
})

/** The compiler's errors for a program with the generated types. */
const compile = (program: string) =>
  run(
    process.execPath,
    [
      inProject('node_modules/typescript/bin/tsc'),
      ...['--noEmit', '--allowJs', '--checkJs', '--strict', '--skipLibCheck'],
      ...['--module', 'nodenext', '--target', 'es2024', '--lib', 'es2024,dom,dom.iterable'],
      ...['--typeRoots', inProject('node_modules/@types'), '--types', 'node'],
      program,
    ],
    { cwd: folder },
  )

it('a program with a client library generated from /openapi.json compiles, and creates, changes and deletes a client', async () => {
  await compile(PROGRAM)
  const { client_id, client_secret } = JSON.parse(
    await readFile(credentialFile(running.stateDir), 'utf8'),
  ) as Record<string, string>
  const { stdout } = await run(process.execPath, [PROGRAM], {
    cwd: folder,
    env: {
      ...process.env,
      REGISTRY: running.registry,
      CLIENT_ID: client_id,
      CLIENT_SECRET: client_secret,
    },
  })
  const said = stdout
    .trim()
    .split('\n')
    .map((line) => [line.split(' ')[0], JSON.parse(line.slice(line.indexOf(' ')))])
  expect(Object.fromEntries(said)).toEqual({
    CREATED: { name: 'Reading list', scopes: ['submission:read'] },
    LISTED: [true],
    ADDRESS: true,
    CHANGED: 'Reading',
    STALE: { status: 412, field: 'If-Match' },
    INTROSPECTED: { active: true, scope: 'submission:read' },
    PERMITTED: ['public:read', 'submission:read'],
    REVOKED: true,
    ISSUER: true,
    DELETED: 'Reading',
    GONE: 404,
    AUDIT: [
      'client.create',
      'client.update',
      'client.rotate_secret',
      'client.authorize',
      'session.revoke',
      'client.delete',
    ],
  })
})

it('control: a program that misspells a path, a member or a response does not compile', async () => {
  const program = await readFile(join(folder, PROGRAM), 'utf8')
  for (const [right, wrong] of [
    ["'/admin/v1/clients'", "'/admin/v1/client'"],
    ['overlap_seconds: 60', "overlap_seconds: '60'"],
    ['revoked.revoked', 'revoked.ended'],
    ["header: { 'If-Match': '*' } },\n    body: { authorize", '},\n    body: { authorize'],
  ] as const) {
    expect(program).toContain(right)
    await writeFile(join(folder, 'wrong.mjs'), program.replace(right, wrong))
    await expect(compile('wrong.mjs')).rejects.toMatchObject({
      stdout: expect.stringContaining('wrong.mjs('),
    })
  }
})

leavesNoSecret(() => running, {
  ...{ secrets: 4, line: 1, row: 5, key: 1, value: 1, file: 5, answer: 5 },
})
