/** A registry for the doctor, with stand-ins. Each test begins with a new announcement and housekeeping. */

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect } from 'vitest'
import type { Finding } from '../../src/cli/doctor/check.ts'
import { examine, readExamined } from '../../src/cli/doctor/doctor.ts'
import { withApi } from '../../src/cli/reach.ts'
import type { RunningRegistry as Announced } from '../../src/local/state-lock.ts'
import { commandLine } from './command-line.ts'
import { type Answered, type Asked, passOn, type StandIn, standIn } from './doctor-stand-ins.ts'
import { freePorts } from './free-ports.ts'
import { type RunningRegistry, startRegistry } from './running-registry.ts'
import { databaseIn } from './state-database.ts'

export const JWT_SECRET = 'kR7vQ2mZ9xLw4tYb8nHc3sJd6fGp1aEu'
export const CHECKS = [
  ...['bindings', 'management', 'd1', 'schema', 'operators', 'scopes'],
  ...['jwt-secret', 'proxy-secret', 'issuer', 'health', 'key-set', 'cron', 'webhook'],
  ...['kv', 'signing', 'pkce', 'single-use', 'session', 'keys-read', 'fresh', 'revocation'],
  'clean-up',
]
export const IS_SECRET = /reg[bcimrs]?_[\w-]{20}|kR7vQ2mZ9xLw|[0-9a-f]{64}/

export let running: RunningRegistry
let announced: Announced
/** A URL on which no server listens. */
export let unserved = ''
export let db: ReturnType<typeof databaseIn>
export const standIns: StandIn[] = []

beforeAll(async () => {
  running = await startRegistry({ JWT_SECRET })
  unserved = `http://127.0.0.1:${(await freePorts(1))[0]}`
  announced = JSON.parse(await readFile(join(running.stateDir, 'admin.json'), 'utf8'))
  db = databaseIn(running.stateDir)
})
afterAll(async () => {
  db.close()
  await Promise.all(standIns.map((one) => one.close()))
  await running.end()
})
beforeEach(async () => {
  await announce({})
  await ranAt(epochSeconds())
})

export const epochSeconds = () => Math.floor(Date.now() / 1000)
export const announce = (changed: Partial<Announced>) =>
  writeFile(join(running.stateDir, 'admin.json'), JSON.stringify({ ...announced, ...changed }))
export const ranAt = (at: number) =>
  db.batch([
    db.prepare('DELETE FROM housekeeping'),
    db
      .prepare(
        `INSERT INTO housekeeping (task, ran_at, removed, left_over) VALUES ('codes', ?1, 0, 0)`,
      )
      .bind(at),
  ])

export async function doctor(words: readonly string[] = [], env: Record<string, string> = {}) {
  const answer = await commandLine(['doctor', '--json', ...words], {
    env: { STATE_DIR: running.stateDir, JWT_SECRET, ...env },
  })
  expect(answer.stdout + answer.stderr).not.toMatch(IS_SECRET)
  const findings = JSON.parse(answer.stdout) as Record<
    'check' | 'state' | 'seen' | 'to_do',
    string
  >[]
  expect(findings.map(({ check }) => check)).toEqual(CHECKS)
  const seen = Object.fromEntries(findings.map((one) => [one.check, one.seen]))
  const inState = (wanted: string) =>
    findings.filter(({ state }) => state === wanted).map(({ check }) => check)
  for (const { state, to_do } of findings) {
    if (state === 'fail') expect(to_do).toMatch(/\.$/)
    else expect(to_do).toBeNull()
  }
  return {
    status: answer.status,
    seen,
    failed: inState('fail'),
    notChecked: inState('not_checked'),
  }
}

/** Puts a proxy in front of the registry and announces its URL as the issuer. The authenticator's JWTs still name the registry. */
export async function inFront(
  spoil: (asked: Asked, answer: Answered) => Answered | Promise<Answered>,
) {
  const front: StandIn = await standIn(async (asked) => {
    const answer = await passOn(running.registry, asked)
    const body = (answer.body ?? '').replaceAll(running.registry, front.url)
    const location = answer.headers?.location
    const headers = {
      ...answer.headers,
      ...(typeof location === 'string' && {
        location: location.replaceAll(running.registry, front.url),
      }),
    }
    return spoil(asked, { ...answer, body, headers })
  })
  standIns.push(front)
  await announce({ issuer: front.url })
}

/** The findings of a doctor that waits only this long. */
export async function examinedWithin(seconds: number, authenticatorUrl: string) {
  const findings: Finding[] = []
  const env = { STATE_DIR: running.stateDir, JWT_SECRET }
  const io = {
    stdout: { write: () => {} },
    stderr: { write: () => {} },
    stdin: (async function* () {})(),
    env,
  }
  await withApi({ ...io, remote: false }, async (api) => {
    const examined = await readExamined(io, { isDeployed: false, authenticatorUrl }, api)
    const bounds = { seenSeconds: seconds, revokedSeconds: seconds }
    for await (const one of examine({ ...examined, bounds }, [])) findings.push(one)
  })
  return findings
}

export async function inPlaceOfAuthenticator(answer: (asked: Asked) => Promise<Answered>) {
  const place = await standIn(answer)
  standIns.push(place)
  return ['--authenticator', place.url]
}
