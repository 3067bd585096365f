/** A check of the doctor: what it looks at, what it finds, and how it sends HTTP requests. */

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

/** The bounds of what the deployment promises. */
type Bounds = Readonly<{ seenSeconds: number; revokedSeconds: number }>

/** The part of the API's response that the doctor reads. */
export type Status = Readonly<{
  schema: Readonly<{ applied_at: string; migrations: readonly string[] }> | null
  settings: Readonly<{ LOGIN_URL: string | null }>
  cron: readonly Readonly<{ task: string; ran_at: string; removed: number }>[]
  /** Null if WEBHOOK_URL is not set. */
  webhook: Readonly<{ waiting: number; oldest_at: string | null; failure: string | null }> | null
  permissions: Readonly<{
    operators: number
    administrators: number
    declared_scopes: number
    undeclared_scopes: readonly string[]
  }>
}>

export type Administered = Readonly<{
  /** The status is requested once in a run. */
  status: () => Promise<Status>
  trial: Trial
}>

export type Examined = Configs &
  Readonly<{
    isDeployed: boolean
    /** Null if there is no credential of an operator. */
    api: Administered | null
    issuer: string
    /** Null if the address is not known. */
    authenticatorUrl: string | null
    /** Epoch seconds; null if the moment is not known. */
    startedAt: number | null
    /** The names of the secrets that a deployed Worker has. Null on this machine, and without Cloudflare's API. */
    secretNames: ((worker: WorkerName) => Promise<readonly string[]>) | null
    /** The authenticator's JWT_SECRET; null if it is not known, or if the authenticator signs with keys of its own. */
    jwtSecret: string | null
    /** The proxy's secret for the authenticator; null if it is not known. */
    proxySecret: string | null
    bounds: Bounds
  }>

export type Verdict =
  | Readonly<{ state: 'ok'; seen: string }>
  /** Without `toDo` the check's own `toDo` is shown. */
  | Readonly<{ state: 'FAIL'; seen: string; toDo?: string | undefined }>
  /** The check could not be made, for a reason that is not a fault. */
  | Readonly<{ state: 'not checked'; seen: string }>

export type Check = Readonly<{
  name: string
  /** The time limit of the check, if it is not 15 s. */
  seconds?: number
  /** Makes the check. An exception counts as a failure too. */
  run: (examined: Examined) => Promise<Verdict>
  /** What the operator should do if the check fails. */
  toDo: string
}>

/** `toDo` is null unless the check failed. */
export type Finding = Readonly<{
  check: string
  state: Verdict['state']
  seen: string
  toDo: string | null
}>

export const ok = (seen: string): Verdict => ({ state: 'ok', seen })
export const fail = (seen: string, toDo?: string): Verdict => ({ state: 'FAIL', seen, toDo })
export const notChecked = (why: string): Verdict => ({ state: 'not checked', seen: why })

export const SEE_LOG = 'See the log of the registry (npx wrangler tail)'
export const DEPLOY_THIS = 'If this source is not what is deployed, run npm run deploy.'
export const untilItAnswers = (storage: 'D1' | 'KV') =>
  `The registry answers 503 until ${storage} answers: see Cloudflare's status page. Locally, see whether npm start runs.`

export const overApi =
  (run: (api: Administered, examined: Examined) => Promise<Verdict>): Check['run'] =>
  async (examined) =>
    examined.api === null
      ? notChecked('the credential of an operator is not at hand')
      : run(examined.api, examined)

/** A fault and a missing response are findings, so that neither stops the checks after it. */
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

/** Throws a Refusal of one line if there is no response. Follows no redirect, because what is sent is for this address. */
export async function ask(url: string, init: RequestInit = {}): Promise<Response> {
  if (!URL.canParse(url)) throw new Refusal(`${JSON.stringify(url)} is not a URL`)
  const signal = AbortSignal.timeout(ANSWER_WITHIN_MS)
  return fetch(url, { redirect: 'manual', signal, ...init }).catch((fault: unknown) => {
    const cause = causeOf(fault)
    const why = cause instanceof Error && 'code' in cause ? String(cause.code) : oneLine(cause)
    throw new Refusal(`cannot reach ${new URL(url).origin}: ${why}`)
  })
}

/** Repeats a look until it shows the wanted state, or until the time is over. Returns what the last look showed. */
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

/** Is the address https, or plain http on this machine? */
export function isGuarded(url: string): boolean {
  if (!URL.canParse(url)) return false
  const { protocol } = new URL(url)
  return protocol === 'https:' || (protocol === 'http:' && isOnThisMachine(url))
}
