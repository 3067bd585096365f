/** The soak test: mixed traffic to `npm start`, which is killed several times. Every response is compared with a model. */

import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { keep, quantile, table } from './figures.ts'
import type { Options } from './options.ts'
import {
  askBadly,
  checkToken,
  introspectToken,
  issueSpare,
  issueToken,
  issueWithRotatedSecret,
  revokeToken,
} from './soak/machine-acts.ts'
import { authorizeScope, rotateSecret, withdrawScope } from './soak/operator.ts'
import { RESTARTS, startService } from './soak/service.ts'
import { type Trend, trendOf } from './soak/trend.ts'
import { isSurelyValid } from './soak/truth.ts'
import {
  authorizeAndExchange,
  inspectFamily,
  newBrowser,
  openAccount,
  renew,
  replay,
  revokeFamily,
} from './soak/user-acts.ts'
import { createWorld, type World } from './soak/world.ts'

/** How many of a hundred acts are of each kind. */
const MIX: readonly (readonly [act: (world: World) => Promise<void>, share: number])[] = [
  [checkToken, 45],
  [issueToken, 16],
  [renew, 11],
  [authorizeAndExchange, 8],
  [introspectToken, 6],
  [askBadly, 4],
  [revokeToken, 3],
  [issueWithRotatedSecret, 2],
  [issueSpare, 2],
  [openAccount, 1],
  [replay, 1],
  [revokeFamily, 1],
]

const ACTS_A_SECOND = 100
/** Checking a password takes a third of a second of CPU time. */
const SIGN_IN_EVERY_MS = 20_000
const OPERATE_EVERY_MS = 5000
/** The number of sessions that are checked after a restart. At the end all are checked. */
const SESSIONS_AFTER_RESTART = 1000
const BROWSERS = 4

function drawAct() {
  let left = Math.random() * MIX.reduce((sum, [, share]) => sum + share, 0)
  for (const [act, share] of MIX) {
    left -= share
    if (left < 0) return act
  }
  return checkToken
}

/** Stops when `isOver` returns true, between two acts. */
async function traffic(world: World, connections: number, isOver: () => boolean) {
  const pause = () => (-Math.log(1 - Math.random()) * (1000 * connections)) / ACTS_A_SECOND
  const repeat = async (everyMs: () => number, act: () => Promise<void>) => {
    while (!isOver()) {
      const begun = performance.now()
      await act()
      await wait(Math.max(0, everyMs() - (performance.now() - begun)))
    }
  }
  let turn = 0
  const operations = [rotateSecret, withdrawScope, rotateSecret, authorizeScope]
  const operate = async () => operations[turn++ % operations.length]?.(world)
  await Promise.all([
    ...Array.from({ length: connections }, () => repeat(pause, () => drawAct()(world))),
    repeat(
      () => SIGN_IN_EVERY_MS,
      () => newBrowser(world),
    ),
    repeat(() => OPERATE_EVERY_MS, operate),
  ])
}

/** Checks at most `most` of the sessions that must be valid. */
async function checkSessions(world: World, most: number, connections: number): Promise<number> {
  const live = world.tokens.filter(isSurelyValid)
  const step = Math.max(1, live.length / most)
  const wanted = Array.from(
    { length: Math.min(most, live.length) },
    (_, i) => live[Math.floor(i * step)],
  )
  const work: (() => Promise<void>)[] = [
    ...wanted.map((token) => () => checkToken(world, token, 'plain')),
    ...world.families.slice(0, most).map((family) => () => inspectFamily(world, family)),
    ...world.browsers.map((browser) => () => openAccount(world, browser)),
  ]
  const count = work.length
  const worker = async () => {
    for (let next = work.pop(); next; next = work.pop()) await next()
  }
  await Promise.all(Array.from({ length: connections }, worker))
  return count
}

export async function soak(options: Options): Promise<boolean> {
  const { minutes, restartEverySeconds, pace, save, quick } = options
  const say = (text: string) => console.error(text)
  const stateDir = mkdtempSync(join(tmpdir(), 'bench-soak-'))
  const service = await startService(stateDir, randomBytes(32).toString('hex'))
  process.on('exit', () => {
    service.end()
    rmSync(stateDir, { recursive: true, force: true })
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))

  const world = await createWorld(service)
  const { counts, complaints, latencies } = world.talk
  for (let i = 0; i < BROWSERS; i++) await newBrowser(world)
  const startedAt = Date.now()
  const endsAt = startedAt + minutes * 60_000
  const running = traffic(world, pace.connections, () => Date.now() >= endsAt)

  // The remaining time is without restarts, to see whether memory grows. Memory is steady after six minutes.
  const quietFrom = startedAt + (minutes * 60_000) / 5
  let looked = 0
  for (let i = 0; ; i++) {
    await wait(restartEverySeconds * 1000)
    if (Date.now() >= quietFrom) break
    const how = RESTARTS[i % RESTARTS.length] ?? 'npm told to end'
    await service.restart(how)
    const { startMs = 0, endMs = 0 } = service.windows.at(-1) ?? {}
    const found = await checkSessions(world, SESSIONS_AFTER_RESTART, pace.connections)
    looked += found
    say(
      `${how}: down for ${endMs - startMs} ms; looked for ${found} sessions; ${counts.wrong} wrong, ${counts.lost} lost`,
    )
  }
  await running
  const memory = Object.fromEntries(
    Object.entries(service.memory).map(([name, samples]) => [name, trendOf(samples)]),
  )
  const atTheEnd = await checkSessions(world, Number.POSITIVE_INFINITY, pace.connections)

  const seconds = (Date.now() - startedAt) / 1000
  const kinds = [...latencies].map(([kind, ms]) => ({
    kind,
    answers: ms.length,
    p50: quantile(ms, 0.5),
    p99: quantile(ms, 0.99),
  }))
  const restarts = service.windows
    .slice(1)
    .map(({ how, startMs, endMs }) => ({ how, ms: endMs - startMs }))
  const [{ model = '' } = {}] = cpus()
  const result = {
    measuredAt: new Date().toISOString(),
    machine: `${cpus().length} x ${model}`,
    seconds,
    ...counts,
    tokens: world.tokens.length,
    sessionsLookedFor: { afterRestarts: looked, atTheEnd },
    restarts,
    memory,
    kinds,
    complaints,
  }
  print(result)
  keep('soak.json', result, save ? 'soak.json' : null)
  // A quick run ends before memory is steady.
  const isFlat = quick || Object.values(memory).every((trend) => trend.isFlat)
  return counts.wrong + counts.lost === 0 && isFlat
}

type Result = Readonly<{
  seconds: number
  answers: number
  unanswered: number
  wrong: number
  lost: number
  tokens: number
  sessionsLookedFor: Readonly<{ afterRestarts: number; atTheEnd: number }>
  restarts: readonly Readonly<{ how: string; ms: number }>[]
  memory: Readonly<Record<string, Trend>>
  kinds: readonly Readonly<{ kind: string; answers: number; p50: number; p99: number }>[]
  complaints: readonly string[]
}>

function print(result: Result) {
  const { seconds, answers, unanswered, wrong, lost, tokens, sessionsLookedFor } = result
  console.log(
    table(
      ['request', 'answers', 'p50 ms', 'p99 ms'],
      result.kinds.map(({ kind, answers: n, p50, p99 }) => [
        kind,
        String(n),
        p50.toFixed(1),
        p99.toFixed(1),
      ]),
    ),
  )
  console.log(
    `\n${table(
      ['memory, MiB', 'minutes', 'mean', 'rise', 'scatter', ''],
      Object.entries(result.memory).map(
        ([name, { minutes, meanMib, riseMib, scatterMib, isFlat }]) => [
          name,
          ...[minutes, meanMib, riseMib, scatterMib].map((value) => value.toFixed(1)),
          isFlat ? 'flat' : 'GROWS',
        ],
      ),
    )}`,
  )
  for (const { how, ms } of result.restarts) console.log(`${how}: down for ${ms} ms`)
  for (const complaint of result.complaints) console.log(complaint)
  console.log(
    `\n${answers} answers in ${seconds.toFixed(0)} s, ${tokens} tokens; unanswered while it was down: ${unanswered}
looked for ${sessionsLookedFor.afterRestarts} sessions after ${result.restarts.length} restarts, for all ${sessionsLookedFor.atTheEnd} at the end
WRONG ANSWERS: ${wrong}   LOST SESSIONS: ${lost}`,
  )
}
