/** The conformance suite of the Model Context Protocol for authorization servers, against `npm start`. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
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
const GIVE_UP_AFTER_MS = 60_000

let running: RecordedRegistry
beforeAll(async () => {
  if (!existsSync(PROGRAM)) throw new Error('npm ci --prefix test/interop/programs')
  running = await startRecordedRegistry()
})
afterAll(() => running?.end())

/** Runs `conformance authorization`, and signs in and allows wherever it asks for a user. */
async function conformance(...words: string[]) {
  const child = spawn(process.execPath, [PROGRAM, 'authorization', ...words], {
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
  return { status, printed: lines.join('\n') }
}

describe('MCP conformance, authorization server', () => {
  it('a public client passes the scenarios of metadata and of the code grant without a failure', async () => {
    const [port] = await freePorts(1)
    const client = await running.newClient(
      'none',
      ...['--redirect-uri', 'http://127.0.0.1/callback', '--scope', 'public:read submission:read'],
      ...['--grant-type', 'authorization_code refresh_token'],
    )
    const { status, printed } = await conformance(
      ...['--url', running.registry, '--client-id', client.id, '--port', String(port)],
    )
    expect(printed).toContain('authorization-server-metadata-endpoint: 1 passed, 0 failed')
    expect(printed).toContain('authorization-code-grant: 1 passed, 0 failed')
    expect(status).toBe(0)
  })

  it('control: the suite fails a server that is no authorization server', async () => {
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
