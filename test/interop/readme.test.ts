/** The commands of README.md and of each page of docs/, and the examples, against a running registry. */

import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inProject } from '../../src/local/project.ts'
import { freePorts } from '../node/free-ports.ts'
import { demoUser } from '../node/person.ts'
import { startProgram } from '../node/program.ts'
import {
  leavesNoSecret,
  type RecordedRegistry,
  startRecordedRegistry,
} from '../node/recorded-registry.ts'

const run = promisify(execFile)
let running: RecordedRegistry
beforeAll(async () => {
  // docs/self-registration.md describes these settings.
  running = await startRecordedRegistry({ REGISTRATION: 'open' })
})
afterAll(() => running?.end())

/** Every block of a page marked `sh`, as one script; `console` blocks are for reading. */
const scriptOf = (path: string) =>
  [...readFileSync(inProject(path), 'utf8').matchAll(/^```sh\n([\s\S]*?)^```$/gm)]
    .map(([, block]) => block)
    .join('\n')

/** The output of the script in bash with strict error handling. */
async function pasted(script: string): Promise<string> {
  const here = script
    .replaceAll('http://127.0.0.1:8787', running.registry)
    .replaceAll('http://127.0.0.1:8788', running.authenticator)
  const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', here], {
    cwd: inProject('.'),
    env: { ...process.env, STATE_DIR: running.stateDir },
  })
  return stdout
}

const withCommands = [
  'README.md',
  ...readdirSync(inProject('docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
].filter((path) => scriptOf(path) !== '')

/** The output of the commands of each page, as the page shows it. */
const PRINTED: Readonly<Record<string, readonly RegExp[]>> = {
  'README.md': [
    /"access_token":"reg_[\w-]/,
    /HTTP\/1\.1 200 OK[\s\S]*X-Auth-Status: authenticated/i,
    /HTTP\/1\.1 403 Forbidden[\s\S]*error="insufficient_scope"/i,
    /HTTP\/1\.1 401 Unauthorized[\s\S]*www-authenticate: Bearer realm="registry"/i,
  ],
  'docs/approvals.md': [
    /^client_id +name +kind +owner_id +waiting_since +requests\n[\s\S]*Reading list +operator +u-17 +\S+ +3$/m,
    /A reading list does not submit\./,
  ],
  'docs/client-documents.md': [/^\*\.example\.com +allow$/m, /^evil\.example\.com +block$/m],
  'docs/clients.md': [/client_secret_basic/],
  'docs/command-line-tool.md': [/("access_token":"reg_[\w-][\s\S]*){2}/],
  'docs/directory.md': [
    /^client_id +name +kind +owner_id\b[\s\S]*Reading list/m,
    /Its page is empty\./,
  ],
  'docs/errors.md': [/"error":"invalid_client"/],
  'docs/keys.md': [
    /^next: +key promote [\w-]+, not before /m,
    /^keys:\n +kid [\w-]+, alg ES256, role signs[\s\S]*role verifies[\s\S]*"keys":\[\{"kty":"EC"/m,
  ],
  'docs/management-api.md': [
    /"client_id":"reading-list"[\s\S]*"client_secret":"regs_/,
    /"name":"Reading"[\s\S]*"status":412/,
    /"event":"client\.update"[\s\S]*"name":"shelf:read"[\s\S]*"revoked":true/,
  ],
  'docs/mcp-server.md': [/"client_id"/],
  'docs/mobile-application.md': [/"client_id"/],
  'docs/moving-from-arxiv.md': [
    /created: +-[\s\S]*added: +0[\s\S]*dry_run: +yes[\s\S]*created: +2[\s\S]*dry_run: +no/,
    /"access_token":"reg_[\w-]+"[^}]*"scope":"public:read"/,
  ],
  'docs/operate.md': [/ok +single-use/, /client\.disable/],
  'docs/portal.md': [/A reading list does not submit\./],
  'docs/protect-a-service.md': [
    /^HTTP\/1\.1 401 Unauthorized[\s\S]*HTTP\/1\.1 200 OK[\s\S]*HTTP\/1\.1 200 OK[\s\S]*HTTP\/1\.1 403/,
    /"active":true,"scope":"public:read submission:read"/,
  ],
  'docs/registry-as-code.md': [
    /2 to create, 0 to change, 0 to delete[\s\S]*client_secret of notes, shown only once: regs_/,
    /^Nothing to change; 2 as in the file\.$/m,
  ],
  'docs/resources.md': [/"scope":"files:read files:write"/, /HTTP\/1.1 401/],
  'docs/revocation.md': [/revoked/],
  'docs/scopes.md': [/"scopes_supported":\["/, /^name: +files:delete$/m],
  'docs/self-registration.md': [
    /"registration_access_token":"regm_[\s\S]*"client_name":"Notes 2"[\s\S]*HTTP\/1\.1 204/,
  ],
  'docs/signed-tokens.md': [
    /"aud":"https:\/\/archive\.example"[\s\S]*"scope":"archive:read"/,
    /HTTP\/1\.1 200 OK[\s\S]*revoked: +yes[\s\S]*HTTP\/1\.1 401 Unauthorized/,
  ],
  'docs/single-page-application.md': [/"client_id"/],
  'docs/users.md': [/invitation_url: +\S+\/invitation#regi_/, /ada@example\.org/],
  'docs/web-application.md': [/"client_secret": ?"regs_/],
}

describe('README.md and docs/', () => {
  it('exactly the expected pages of README.md and docs/ have commands', () => {
    expect(withCommands).toEqual(Object.keys(PRINTED))
  })

  it.each(withCommands)(
    'the commands of %s work when pasted in their order',
    async (path) => {
      const printed = await pasted(scriptOf(path))
      for (const expected of PRINTED[path] ?? []) expect(printed).toMatch(expected)
    },
    180_000,
  )

  it('control: a command that fails stops the commands of its page', async () => {
    await expect(pasted('false\necho on')).rejects.toThrow()
  })

  it.each([
    [
      'signs a user in',
      'allow',
      {},
      200,
      'granted: public:read submission:read\nACCESS_TOKEN=reg_',
    ],
    ['reports that the user refused', 'cancel', {}, 400, 'refused: access_denied'],
    [
      'reports a wrong secret',
      'allow',
      { CLIENT_SECRET: 'wrong' },
      400,
      'refused: invalid_client: check CLIENT_ID and CLIENT_SECRET',
    ],
  ] as const)('examples/sign-in.mjs %s', async (_, decision, env, status, outcome) => {
    const [port] = await freePorts(1)
    const redirectUri = `http://127.0.0.1:${port}/callback`
    const client = await running.newClient(
      'client_secret_post',
      ...['--redirect-uri', redirectUri, '--scope', 'public:read submission:read'],
      ...['--grant-type', 'authorization_code', '--grant-type', 'refresh_token'],
    )
    const application = startProgram(process.execPath, [inProject('examples/sign-in.mjs')], {
      ISSUER: running.registry,
      REDIRECT_URI: redirectUri,
      CLIENT_ID: client.id,
      CLIENT_SECRET: client.secret,
      ...env,
    })
    try {
      const printed = await application.untilPrints('&code_challenge_method=S256')
      const url = /^http\S+$/m.exec(printed)?.[0] ?? ''
      const callback = await demoUser(running).visit(url, decision)
      // Requests without the right state do not stop the program.
      for (const target of ['//', '/callback?code=x&state=x', '/callback']) {
        expect((await fetch(`${callback.origin}${target}`)).status).toBe(404)
      }
      const answer = await fetch(callback)
      expect(answer.status).toBe(status)
      await application.untilPrints(outcome)
      if (status === 200) await application.untilPrints('\nREFRESH_TOKEN=regr_')
    } finally {
      await application.end()
    }
  })
})

leavesNoSecret(() => running, {
  ...{ secrets: 18, line: 1, row: 45, key: 4, value: 4, file: 15, answer: 15 },
})
