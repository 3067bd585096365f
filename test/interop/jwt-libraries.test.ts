/** The programs of docs/ that verify with a plain JWT library: signed tokens with jose, the authenticator's JWT with PyJWT. */

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inProject } from '../../src/local/project.ts'
import {
  leavesNoSecret,
  type RecordedRegistry,
  startRecordedRegistry,
} from '../node/recorded-registry.ts'
import { JWT_SECRET, type RegisteredClient } from '../node/running-registry.ts'

const run = promisify(execFile)
const PYTHON = '/usr/bin/python3'
const ARCHIVE = 'https://archive.example'
const ELSEWHERE = 'https://elsewhere.example'
const SCOPE = 'archive:read'

let running: RecordedRegistry
let client: RegisteredClient
/** A folder in the project, so that `jose` is found. */
let folder: string

beforeAll(async () => {
  if (!existsSync('/usr/lib/python3/dist-packages/jwt')) {
    throw new Error('apt-get install python3-jwt')
  }
  running = await startRecordedRegistry()
  const scopes = `${SCOPE} archive:write`
  for (const uri of [ARCHIVE, ELSEWHERE]) await running.newResource(uri, scopes, 'jwt')
  client = await running.newClient('client_secret', '--scope', scopes)
  await mkdir(inProject('.wrangler'), { recursive: true })
  folder = await mkdtemp(inProject('.wrangler/jwt-libraries-'))
})
afterAll(async () => {
  await running?.end()
  await rm(folder, { recursive: true, force: true })
})

/** The first block of the page in this language that contains `word`, with the URL of this registry. */
async function programOf(page: string, language: string, word: string) {
  const text = await readFile(inProject(page), 'utf8')
  const blocks = [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)]
  const [, , code = ''] = blocks.find((one) => one[1] === language && one[2]?.includes(word)) ?? []
  return code.replaceAll('https://auth.example.org', running.registry)
}

const tokenFor = (resource: string, scope: string) => running.tokenFor(client, { resource, scope })

describe('jose', () => {
  async function callerOf(token: string): Promise<string> {
    const code = await programOf('docs/signed-tokens.md', 'ts', 'jwtVerify')
    const file = join(folder, 'service.ts')
    await writeFile(
      file,
      `${code}\nconsole.log(await callerOf(process.argv[2] ?? '', '${SCOPE}'))\n`,
    )
    return (await run(process.execPath, [file, token])).stdout.trim()
  }

  it('the documented program with jose accepts a signed token for its service', async () => {
    expect(await callerOf(await tokenFor(ARCHIVE, SCOPE))).toBe(client.id)
  })

  it.each([
    [ELSEWHERE, SCOPE, /JWTClaimValidationFailed: unexpected "aud"/],
    [ARCHIVE, 'archive:write', /insufficient_scope/],
  ])(
    'the documented program with jose refuses a signed token for %s with %s',
    async (resource, scope, why) => {
      await expect(callerOf(await tokenFor(resource, scope))).rejects.toThrow(why)
    },
  )
})

describe('PyJWT', () => {
  async function sessionOf(jwt: string): Promise<unknown> {
    const code = await programOf('docs/protect-a-service.md', 'python', 'jwt.decode')
    const last = 'import json, sys\nprint(json.dumps(session_of(sys.argv[1])))\n'
    const env = { ...process.env, JWT_SECRET }
    return JSON.parse((await run(PYTHON, ['-c', code + last, jwt], { env })).stdout)
  }
  async function checked(): Promise<string> {
    const headers = { Authorization: `Bearer ${await tokenFor(ARCHIVE, SCOPE)}` }
    const response = await fetch(`${running.authenticator}/auth?audience=${ARCHIVE}`, { headers })
    return response.headers.get('Authorization') ?? ''
  }

  it("the documented program with PyJWT reads the authenticator's JWT", async () => {
    const session = { user: null, client: { client_id: client.id }, audience: [ARCHIVE] }
    expect(await sessionOf(await checked())).toMatchObject(session)
  })

  it("the documented program with PyJWT refuses a signed access token in place of the authenticator's JWT", async () => {
    const token = await tokenFor(ARCHIVE, SCOPE)
    await expect(sessionOf(token)).rejects.toThrow(/InvalidAlgorithmError|InvalidTokenError/)
  })
})

leavesNoSecret(() => running, {
  ...{ secrets: 8, line: 5, row: 20, key: 0, value: 0, file: 10, answer: 8 },
})
