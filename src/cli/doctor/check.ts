/** A check of the doctor: what it looks at, what it finds, and how it asks over HTTP. */

import { setTimeout as wait } from 'node:timers/promises'
import type { WorkerName } from '../../config.ts'
import { isOnThisMachine } from '../../domain/network.ts'
import type { Configs } from '../../local/deploy-problems.ts'
import { oneLine, Refusal } from '../../local/refusal.ts'
import { causeOf } from '../http.ts'
import type { Trial } from './trial.ts'

const CHECK_WITHIN_SECONDS = 15
const ANSWER_WITHIN_MS = 10_000
const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 1000

/** How long a promise may take. */
type Bounds = Readonly<{ seenSeconds: number; revokedSeconds: number }>

/** The part of the API's answer that the doctor reads. */
export type Status = Readonly<{
  schema: Readonly<{ applied_at: string; migrations: readonly string[] }> | null
  settings: Readonly<{ LOGIN_URL: string | null }>
  cron: readonly Readonly<{ task: string; ran_at: string; removed: number }>[]
  /** Null without WEBHOOK_URL. */
  webhook: Readonly<{ waiting: number; oldest_at: string | null; failure: string | null }> | null
  permissions: Readonly<{
    operators: number
    administrators: number
    declared_scopes: number
    undeclared_scopes: readonly string[]
  }>
}>

/** The management API, for the checks. */
export type Administered = Readonly<{
  /** Asked once in a run. */
  status: () => Promise<Status>
  trial: Trial
}>

export type Examined = Configs &
  Readonly<{
    isDeployed: boolean
    /** Null: the credential of an operator is not at hand. */
    api: Administered | null
    issuer: string
    /** Null: not known. */
    authenticatorUrl: string | null
    /** Epoch seconds; null: not known. */
    startedAt: number | null
    /** The secrets that a deployed worker has. Null on this machine, and without Cloudflare's API. */
    secretNames: ((worker: WorkerName) => Promise<readonly string[]>) | null
    /** The authenticator's; null: not known, or it signs with keys of its own. */
    jwtSecret: string | null
    /** For the authenticator; null: not known. */
    proxySecret: string | null
    bounds: Bounds
  }>

export type Verdict =
  | Readonly<{ state: 'ok'; seen: string }>
  /** Without `toDo`: that of the check. */
  | Readonly<{ state: 'FAIL'; seen: string; toDo?: string | undefined }>
  /** It could not be tried, for a reason that is no fault. */
  | Readonly<{ state: 'not checked'; seen: string }>

/** A guarantee of the deployment. */
export type Check = Readonly<{
  name: string
  /** How long it may take, if not 15 s. */
  seconds?: number
  /** A fault is a failure as well. */
  run: (examined: Examined) => Promise<Verdict>
  /** What the operator does when it fails. */
  toDo: string
}>

/** `toDo` is null unless it failed. */
export type Finding = Readonly<{
  check: string
  state: Verdict['state']
  seen: string
  toDo: string | null
}>

export const ok = (seen: string): Verdict => ({ state: 'ok', seen })
export const fail = (seen: string, toDo?: string): Verdict => ({ state: 'FAIL', seen, toDo })
export const notChecked = (why: string): Verdict => ({ state: 'not checked', seen: why })

/** What to do, for checks that have it in common. */
export const SEE_LOG = 'See the log of the registry (npx wrangler tail)'
export const DEPLOY_THIS = 'If this source is not what is deployed, run npm run deploy.'
export const untilItAnswers = (storage: 'D1' | 'KV') =>
  `The registry answers 503 until ${storage} answers: see Cloudflare's status page. Locally, see whether npm start runs.`

/** A check that needs the management API. */
export const overApi =
  (run: (api: Administered, examined: Examined) => Promise<Verdict>): Check['run'] =>
  async (examined) =>
    examined.api === null
      ? notChecked('the credential of an operator is not at hand')
      : run(examined.api, examined)

/** A fault and a missing answer are findings, so that neither stops the checks after it. */
export async function look(
  { name, run, toDo, seconds = CHECK_WITHIN_SECONDS }: Check,
  examined: Examined,
): Promise<Finding> {
  const isOver = new AbortController()
  const silence = wait(seconds * 1000, null, { signal: isOver.signal })
    .then(() => fail(`no answer within ${seconds} s`))
    .catch(() => notChecked('over'))
  const verdict = (async () => run(examined))().catch((fault: unknown) => fail(oneLine(fault)))
  try {
    const found = await Promise.race([verdict, silence])
    const { state, seen } = found
    return { check: name, state, seen, toDo: found.state === 'FAIL' ? (found.toDo ?? toDo) : null }
  } finally {
    isOver.abort()
  }
}

/** Throws a Refusal of one line when there is no answer. No redirect is followed: what is sent is for this address. */
export async function ask(url: string, init: RequestInit = {}): Promise<Response> {
  if (!URL.canParse(url)) throw new Refusal(`${JSON.stringify(url)} is not a URL`)
  const signal = AbortSignal.timeout(ANSWER_WITHIN_MS)
  return fetch(url, { redirect: 'manual', signal, ...init }).catch((fault: unknown) => {
    const cause = causeOf(fault)
    const why = cause instanceof Error && 'code' in cause ? String(cause.code) : oneLine(cause)
    throw new Refusal(`cannot reach ${new URL(url).origin}: ${why}`)
  })
}

/** Repeats a look until it shows what is wished, or the time is up. Returns what the last look showed. */
export async function poll<Seen>(
  seconds: number,
  lookOnce: () => Promise<Seen>,
  isWished: (seen: Seen) => boolean,
) {
  const begunAt = performance.now()
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    const seen = await lookOnce()
    const tookSeconds = (performance.now() - begunAt) / 1000
    if (isWished(seen) || tookSeconds > seconds) return { seen, tookSeconds }
    await wait(Math.min(pause, seconds * 1000))
  }
}

/** Plain http is for this machine alone. */
export function isGuarded(url: string): boolean {
  if (!URL.canParse(url)) return false
  const { protocol } = new URL(url)
  return protocol === 'https:' || (protocol === 'http:' && isOnThisMachine(url))
}
