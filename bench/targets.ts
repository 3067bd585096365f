/** The limits that a run must keep (gate) and should reach (goal), and the verdicts of a run. */

import { quotients, type Spread, spreadOf } from './figures.ts'
import type { Operation, Storage } from './operations.ts'
import type { Started } from './startup.ts'
import { cpuOf, type Measured, ratesOf } from './turns.ts'

export type Verdict = Readonly<{
  what: string
  measured: Spread
  unit: 'times' | 'KiB'
  /** `least`: the limit is a minimum; `most`: a maximum. */
  bound: 'least' | 'most'
  gate: number
  goal: number | null
  isMet: boolean
  reachesGoal: boolean | null
}>

type Comparison = Readonly<{
  what: string
  measure: 'rate' | 'cpu'
  storage: Storage
  /** The operation is the same unless another is named. */
  over: Readonly<{ who: string; storage: Storage; operation?: Operation }>
  bound: 'least' | 'most'
  bounds: Partial<Record<Operation, readonly [gate: number, goal: number | null]>>
}>

const COMPARISONS: readonly Comparison[] = [
  {
    what: 'simulated storage, requests/s over the floor',
    measure: 'rate',
    storage: 'simulator',
    over: { who: 'floor', storage: 'simulator' },
    bound: 'least',
    bounds: {
      token_cold: [0.9, 0.95],
      token_warm: [0.88, 0.93],
      exchange: [0.88, 0.95],
      check: [0.88, 0.93],
    },
  },
  {
    what: 'simulated storage, requests/s over an opaque token',
    measure: 'rate',
    storage: 'simulator',
    over: { who: 'registry', storage: 'simulator', operation: 'token_warm' },
    bound: 'least',
    bounds: { signed_token: [4, null] },
  },
  {
    what: 'memory, CPU over the floor that signs and verifies',
    measure: 'cpu',
    storage: 'memory',
    over: { who: 'crypto-floor', storage: 'memory' },
    bound: 'most',
    bounds: { signed_token: [1.6, 1.4], signed_check: [1.5, 1] },
  },
  {
    what: 'memory, CPU over the floor',
    measure: 'cpu',
    storage: 'memory',
    over: { who: 'floor', storage: 'memory' },
    bound: 'most',
    bounds: { token_warm: [1.6, 1.4], exchange: [1.9, 1.6], check: [1.5, 1.3] },
  },
  {
    what: 'memory, requests/s over workers-oauth-provider',
    measure: 'rate',
    storage: 'memory',
    over: { who: 'workers-oauth-provider', storage: 'memory' },
    bound: 'least',
    bounds: { exchange: [1.9, 2.3], check: [1.3, 1.5] },
  },
  {
    what: 'memory, requests/s over oidc-provider',
    measure: 'rate',
    storage: 'memory',
    over: { who: 'oidc-provider', storage: 'own' },
    bound: 'least',
    bounds: {
      token_warm: [1, 1.2],
      signed_token: [1, 1.2],
      exchange: [1, 1.2],
      signed_exchange: [1, 1.2],
      check: [1, 1.2],
    },
  },
  {
    what: 'memory, requests/s over better-auth',
    measure: 'rate',
    storage: 'memory',
    over: { who: 'better-auth', storage: 'own' },
    bound: 'least',
    bounds: { token_warm: [10, null], exchange: [10, null], check: [10, null] },
  },
]

const BUNDLE_KIB: Readonly<Record<string, readonly [number, number]>> = {
  registry: [60, 45],
  authenticator: [20, 12],
}
/** The limits of the time to compile and evaluate, divided by that of the peer. */
const EVALUATE: Readonly<Record<string, readonly [number, number]>> = {
  registry: [1, 0.7],
  authenticator: [0.4, 0.3],
}
const EVALUATE_OVER = 'workers-oauth-provider'
const BYTES_PER_KIB = 1024

type Judged = Omit<Verdict, 'isMet' | 'reachesGoal'>

function judge(judged: Judged): Verdict {
  const { measured, bound, gate, goal } = judged
  const holds = (limit: number) =>
    bound === 'least' ? measured.median >= limit : measured.median <= limit
  return { ...judged, isMet: holds(gate), reachesGoal: goal === null ? null : holds(goal) }
}

function compareRows(measured: readonly Measured[]): Verdict[] {
  const find = (who: string, storage: Storage, operation: Operation) =>
    measured.find(
      ({ row }) => row.who === who && row.storage === storage && row.operation === operation,
    )
  return COMPARISONS.flatMap(({ what, measure, storage, over, bound, bounds }) =>
    Object.entries(bounds).flatMap(([name, [gate, goal]]) => {
      const operation = name as Operation
      const ours = find('registry', storage, operation)
      const theirs = find(over.who, over.storage, over.operation ?? operation)
      if (!ours || !theirs) return []
      const series = measure === 'rate' ? ratesOf : cpuOf
      const spread = spreadOf(quotients(series(ours), series(theirs)))
      const judged = { what: `${what}: ${operation}`, measured: spread, unit: 'times' as const }
      return [judge({ ...judged, bound, gate, goal })]
    }),
  )
}

function compareStart(started: readonly Started[]): Verdict[] {
  const reference = started.find(({ name }) => name === EVALUATE_OVER)?.evaluateMs.median
  return started.flatMap(({ name, gzippedBytes, evaluateMs }) => {
    const size = gzippedBytes / BYTES_PER_KIB
    const bundle = BUNDLE_KIB[name]
    const evaluate = EVALUATE[name]
    if (!bundle || !evaluate || reference === undefined) return []
    const over = (ms: number) => ms / reference
    return [
      judge({
        what: `bundle, minified and gzipped: ${name}`,
        measured: { median: size, low: size, high: size },
        unit: 'KiB',
        bound: 'most',
        gate: bundle[0],
        goal: bundle[1],
      }),
      judge({
        what: `compile and evaluate over ${EVALUATE_OVER}: ${name}`,
        measured: {
          median: over(evaluateMs.median),
          low: over(evaluateMs.low),
          high: over(evaluateMs.high),
        },
        unit: 'times',
        bound: 'most',
        gate: evaluate[0],
        goal: evaluate[1],
      }),
    ]
  })
}

export const judgeAll = (measured: readonly Measured[], started: readonly Started[]) => [
  ...compareRows(measured),
  ...compareStart(started),
]
