/** The conformance suite of the Model Context Protocol for authorization servers, against `npm start`. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePorts } from '../node/free-ports.ts'
import { demoUser } from '../node/person.ts'
import {
  leavesNoSecret,
  type RecordedRegistry,
  startRecordedRegistry,
} from '../node/recorded-registry.ts'

const FOLDER = join(import.meta.dirname, 'programs')
const PROGRAM = join(FOLDER, 'node_modules/@modelcontextprotocol/conformance/dist/index.js')
const GIVE_UP_AFTER_MS = 100_000

let running: RecordedRegistry
beforeAll(async () => {
  if (!existsSync(PROGRAM)) throw new Error('npm ci --prefix test/interop/programs')
  // These settings add members to the metadata, which the suite then checks too.
  running = await startRecordedRegistry({ CLIENT_DOCUMENTS: 'any', REGISTRATION: 'open' })
})
afterAll(() => running?.end())

type Check = Readonly<{ id: string; status: string; errorMessage?: string }>

/** Runs `conformance authorization`, and acts as the user, who signs in and allows. */
async function conformance(...words: string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'conformance-'))
  const all = [PROGRAM, 'authorization', '--output-dir', folder, ...words]
  const child = spawn(process.execPath, all, {
    cwd: FOLDER,
    signal: AbortSignal.timeout(GIVE_UP_AFTER_MS),
  })
  const over = once(child, 'close')
  const lines: string[] = []
  child.stderr.setEncoding('utf8').on('data', (text) => lines.push(text))
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line)
    if (line.startsWith(`${running.registry}/authorize?`)) {
      await fetch(await demoUser(running).visit(line))
    }
  }
  const [status] = await over
  const checks = globSync(join(folder, '**/*.json')).flatMap(
    (file) => JSON.parse(readFileSync(file, 'utf8')) as Check[],
  )
  rmSync(folder, { recursive: true })
  return { status, checks, printed: lines.join('\n') }
}

describe('MCP conformance, authorization server', () => {
  it('the scenarios for metadata and for the code grant pass with a public client, without a failure or a warning', async () => {
    const [port] = await freePorts(1)
    const client = await running.newClient(
      'none',
      ...['--redirect-uri', 'http://127.0.0.1/callback', '--scope', 'public:read submission:read'],
      ...['--grant-type', 'authorization_code refresh_token'],
    )
    const { status, checks, printed } = await conformance(
      ...['--url', running.registry, '--client-id', client.id, '--port', String(port)],
    )
    expect(printed).toContain('authorization-server-metadata-endpoint: 2 passed, 0 failed')
    expect(printed).toContain('authorization-code-grant: 1 passed, 0 failed')
    expect(checks.length).toBeGreaterThan(0)
    expect(checks.filter(({ status }) => status !== 'SUCCESS')).toEqual([])
    expect(status).toBe(0)
  })

  it('control: the scenarios fail with a server that is not an authorization server', async () => {
    const { status, printed } = await conformance(
      ...['--url', running.authenticator, '--scenario', 'authorization-server-metadata-endpoint'],
    )
    expect(printed).toContain('Passed: 0/1, 1 failed')
    expect(status).not.toBe(0)
  })
})

leavesNoSecret(() => running, {
  ...{ secrets: 6, line: 1, row: 5, key: 1, value: 1, file: 5, answer: 5 },
})
