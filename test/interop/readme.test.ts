/** The README's own commands and examples, against a running registry: what a newcomer pastes works. */

import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
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
let readme: string
beforeAll(async () => {
  readme = await readFile(inProject('README.md'), 'utf8')
  running = await startRecordedRegistry()
})
afterAll(() => running?.end())

/** Every block marked `sh`, in the order of the page, as one script; `console` blocks are for reading. */
const pastedCommands = () =>
  [...readme.matchAll(/^```sh\n([\s\S]*?)^```$/gm)]
    .map(([, block]) => block)
    .join('\n')
    .replaceAll('http://127.0.0.1:8787', running.registry)
    .replaceAll('http://127.0.0.1:8788', running.authenticator)

describe('the README', () => {
  it('has commands that work in their order, as pasted', async () => {
    const script = pastedCommands()
    expect(script).toContain('client create')
    const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', script], {
      cwd: inProject('.'),
      env: { ...process.env, STATE_DIR: running.stateDir },
    })
    expect(stdout).toMatch(/"access_token":"reg_[\w-]/)
    expect(stdout).toMatch(/HTTP\/1\.1 200 OK[\s\S]*X-Auth-Status: authenticated/i)
    expect(stdout).toMatch(/HTTP\/1\.1 403 Forbidden[\s\S]*error="insufficient_scope"/i)
  })

  it('sends on to pages under docs/ that name only files that exist, by a path from where they are', async () => {
    const pages = (await readdir(inProject('docs'))).filter((name) => name.endsWith('.md'))
    expect(pages).toContain('protect-a-service.md')
    for (const name of pages) {
      const page = await readFile(inProject(`docs/${name}`), 'utf8')
      const links = page.matchAll(/\]\((?!https?:)([^)#]+)\)/g).map(([, path]) => path ?? '')
      const paths = [...new Set(links)]
      if (paths.length > 0) await run('ls', ['-d', ...paths], { cwd: inProject('docs') })
    }
  })

  it('leads to a page on protecting a service that begins with a command that works', async () => {
    const page = await readFile(inProject('docs/protect-a-service.md'), 'utf8')
    const [, command = ''] = /^```sh\n([\s\S]*?)^```$/m.exec(page) ?? []
    const here = command.replaceAll('http://127.0.0.1:8788', running.authenticator)
    const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', here])
    expect(stdout).toMatch(
      /HTTP\/1\.1 401 Unauthorized[\s\S]*www-authenticate: Bearer realm="registry"/i,
    )
  })

  it('names only files that exist', async () => {
    const links = readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g).map(([, path]) => path ?? '')
    const paths = [...new Set(links)]
    expect(paths.length).toBeGreaterThan(10)
    const { stdout } = await run('ls', ['-d', ...paths], { cwd: inProject('.') })
    expect(stdout.trim().split('\n')).toHaveLength(paths.length)
  })

  it('has an example that signs a user in, or hears that the user refused', async () => {
    for (const decision of ['allow', 'cancel'] as const) {
      const [port] = await freePorts(1)
      const redirectUri = `http://127.0.0.1:${port}/callback`
      const client = await running.newClient(
        'client_secret_post',
        ...['--redirect-uri', redirectUri, '--scope', 'public:read submission:read'],
      )
      const application = startProgram(process.execPath, [inProject('examples/sign-in.mjs')], {
        ISSUER: running.registry,
        REDIRECT_URI: redirectUri,
        CLIENT_ID: client.id,
        CLIENT_SECRET: client.secret,
      })
      try {
        const printed = await application.untilPrints('&code_challenge_method=S256')
        const url = /^http\S+$/m.exec(printed)?.[0] ?? ''
        const callback = await demoUser(running).visit(url, decision)
        const answer = await fetch(callback)
        expect(answer.status).toBe(decision === 'allow' ? 200 : 400)
        const outcome = { allow: 'granted: public:read submission:read', cancel: 'access_denied' }
        await application.untilPrints(outcome[decision])
      } finally {
        await application.end()
      }
    }
  })
})

leavesNoSecret(() => running, {
  ...{ secrets: 18, line: 1, row: 45, key: 4, value: 4, file: 15, answer: 15 },
})
