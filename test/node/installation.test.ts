/** Each program reports an incomplete installation or missing input in one line. */

import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { inProject } from '../../src/local/project.ts'
import { temporaryDirectory } from './command-line.ts'

const CHECK = 'src/local/check-installation.mjs'
const SCRIPTS = (
  JSON.parse(readFileSync(inProject('package.json'), 'utf8')) as { scripts: Record<string, string> }
).scripts

const made: string[] = []
afterEach(async () => {
  for (const directory of made.splice(0)) await rm(directory, { recursive: true })
})

/** A copy of the project with only the check and these packages. */
async function projectWith(...packages: string[]) {
  const directory = await temporaryDirectory()
  made.push(directory)
  cpSync(inProject(CHECK), join(directory, CHECK))
  for (const name of packages) mkdirSync(join(directory, 'node_modules', name), { recursive: true })
  return directory
}

function outcome(words: readonly string[], cwd: string, env: Record<string, string> = {}) {
  const PATH = process.env.PATH ?? ''
  const { status, stdout, stderr } = spawnSync(process.execPath, words, {
    cwd,
    env: { PATH, ...env },
    encoding: 'utf8',
  })
  return { status, said: stdout + stderr }
}

const WORKERD = '@cloudflare/workerd-any'

describe('the check before a program', () => {
  it('the check before a program prints nothing in a complete installation', async () => {
    expect(outcome([CHECK], await projectWith('miniflare', WORKERD))).toEqual({
      status: 0,
      said: '',
    })
  })

  it.each([
    ['packages', [], [], /^error: the packages are not installed: run npm ci[^\n]*\n$/],
    [
      'runtime',
      ['miniflare'],
      [],
      /^error: the Workers runtime is not installed: run npm ci[^\n]*\n$/,
    ],
    [
      'Node.js that runs TypeScript',
      ['miniflare', WORKERD],
      ['--no-experimental-strip-types'],
      /^error: Node\.js [\d.]+ cannot run this[^\n]*run npm rebuild node --ignore-scripts=false[^\n]*\n$/,
    ],
  ])(
    'the check before a program names the missing %s and how to install it',
    async (_, packages, flags, line) => {
      const { status, said } = outcome([...flags, CHECK], await projectWith(...packages))
      expect(status).toBe(1)
      expect(said).toMatch(line)
    },
  )

  it('the check runs before every npm script that runs TypeScript or tests', () => {
    const programs = Object.entries(SCRIPTS).filter(([name, line]) =>
      name.startsWith('pre') ? false : /\.ts\b|\bvitest\b/.test(line),
    )
    expect(programs.length).toBeGreaterThan(8)
    for (const [name, line] of programs) {
      const isChecked = line.startsWith(`node --import ./${CHECK} `)
      expect([name, isChecked || SCRIPTS[`pre${name}`] === `node ${CHECK}`]).toEqual([name, true])
    }
  })
})

describe('the local state', () => {
  it('no npm script opens the local state without its lock', () => {
    for (const line of Object.values(SCRIPTS)) expect(line).not.toMatch(/wrangler (?:dev|d1)\b/)
  })
})

describe('programs with missing or bad input', () => {
  const SIGN_IN = 'examples/sign-in.mjs'
  it.each<[string, string[], Record<string, string>, RegExp]>([
    ['the example without a client', [SIGN_IN], {}, /^error: CLIENT_ID is not set: [^\n]+\n$/],
    [
      'the example with an issuer that is not a URL',
      [SIGN_IN],
      { CLIENT_ID: 'c', ISSUER: 'registry' },
      /^error: ISSUER is not an http or https URL\n$/,
    ],
    [
      'the example with a redirect URI that is not a URL',
      [SIGN_IN],
      { CLIENT_ID: 'c', REDIRECT_URI: 'back' },
      /^error: REDIRECT_URI is not an http or https URL\n$/,
    ],
    [
      'the example without a registry',
      [SIGN_IN],
      { CLIENT_ID: 'c', ISSUER: 'http://127.0.0.1:9' },
      /^error: no registry answers at ISSUER http:\/\/127\.0\.0\.1:9 [^\n]+\n$/,
    ],
    ['the benchmark', ['bench/main.ts', 'foo'], {}, /^error: [^\n]+\n$/],
    ['the benchmark with an option', ['bench/main.ts', '--foo'], {}, /^error: [^\n]+\n$/],
    ['the mutants', ['test/mutants.ts', 'no such file'], {}, /^error: no mistake [^\n]+\n$/],
    ['the start', ['src/local/start.ts', '--port'], {}, /^npm start takes no arguments[^\n]+\n$/],
    [
      'the administration',
      ['src/cli/main.ts', 'foo'],
      {},
      /^error: unknown command 'foo'[^\n]*\n$/,
    ],
  ])('a program with missing or bad input reports it in one line: %s', (_, words, env, line) => {
    const { status, said } = outcome(words, inProject('.'), env)
    expect(said).toMatch(line)
    expect(status).not.toBe(0)
  })
})
