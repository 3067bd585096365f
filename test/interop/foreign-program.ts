/** A program of test/interop/programs, which runs a client library with its defaults, and is controlled by lines of text. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Person } from '../node/person.ts'
import type { RegisteredClient, RunningRegistry } from '../node/running-registry.ts'

const FOLDER = join(import.meta.dirname, 'programs')
const GIVE_UP_AFTER_MS = 100_000

export type ForeignProgram = Readonly<{
  name: string
  command: readonly string[]
  env?: Readonly<Record<string, string>>
  /** A file that exists when the library is installed. */
  needs: string
  /** Whether the library supports a client without a secret. */
  worksWithoutSecret: boolean
  /** How to install the library. */
  remedy: string
}>

export const npm = (name: string, file: string, library: string) => ({
  name,
  worksWithoutSecret: true,
  command: [process.execPath, file],
  needs: join(FOLDER, 'node_modules', library, 'package.json'),
  remedy: 'npm ci --prefix test/interop/programs',
})

export const FOREIGN_PROGRAMS: readonly ForeignProgram[] = [
  npm('arctic', 'arctic.mjs', 'arctic'),
  { ...npm('passport-oauth2', 'passport.mjs', 'passport-oauth2'), worksWithoutSecret: false },
  npm('the MCP SDK, version 1', 'mcp-v1.mjs', '@modelcontextprotocol/sdk'),
  npm('the MCP client, version 2', 'mcp-v2.mjs', '@modelcontextprotocol/client'),
  {
    name: 'requests-oauthlib',
    worksWithoutSecret: false,
    command: ['/usr/bin/python3', 'requests_oauthlib_client.py'],
    needs: '/usr/lib/python3/dist-packages/requests_oauthlib/__init__.py',
    remedy: 'apt-get install python3-requests-oauthlib',
  },
  {
    name: 'golang.org/x/oauth2',
    worksWithoutSecret: false,
    command: ['/usr/bin/go', 'run', 'x_oauth2.go'],
    env: { GO111MODULE: 'off', GOPATH: '/usr/share/gocode', GOFLAGS: '-mod=mod' },
    needs: '/usr/share/gocode/src/golang.org/x/oauth2/oauth2.go',
    remedy: 'apt-get install golang-go golang-golang-x-oauth2-dev',
  },
  {
    name: 'ruby-oauth2',
    worksWithoutSecret: false,
    command: ['/usr/bin/ruby', 'ruby_oauth2.rb'],
    needs: '/usr/lib/ruby/vendor_ruby/oauth2.rb',
    remedy: 'apt-get install ruby-oauth2',
  },
]

/** Throws an error that says what to install if the library is missing. */
export function requireInstalled({ name, needs, remedy }: ForeignProgram) {
  if (!existsSync(needs)) throw new Error(`${name} is missing: ${remedy}`)
}

export type Tokens = Readonly<{ access_token: string; refresh_token?: string; scope: string }>
/** A line of the program: a word (`TOKEN`, `REFRESHED`, `REVOKED`, `ERROR`) and its value. */
export type Said = Readonly<Record<string, unknown>>

/** Runs the program to its end. `answer` takes the authorization URL and returns the URL of the callback. */
export async function runForeign(
  { name, command: [file = '', ...words], env }: ForeignProgram,
  running: RunningRegistry,
  client: RegisteredClient & Readonly<{ redirectUri: string; scope: string }>,
  answer: Person['visit'],
): Promise<Said> {
  const child = spawn(file, words, {
    cwd: FOLDER,
    signal: AbortSignal.timeout(GIVE_UP_AFTER_MS),
    env: {
      ...process.env,
      ...env,
      REGISTRY: running.registry,
      CLIENT_ID: client.id,
      CLIENT_SECRET: client.secret,
      REDIRECT_URI: client.redirectUri,
      SCOPE: client.scope,
    },
  })
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text) => {
    complaint += text
  })
  const over = once(child, 'close')
  const said: Record<string, unknown> = {}
  for await (const line of createInterface({ input: child.stdout })) {
    const [word = '', ...rest] = line.split(' ')
    said[word] = rest.length > 0 ? JSON.parse(rest.join(' ')) : true
    if (word === 'AUTHORIZE') child.stdin.write(`${await answer(String(said[word]))}\n`)
  }
  await over
  if (Object.keys(said).length === 0) throw new Error(`${name} said nothing: ${complaint}`)
  return said
}
