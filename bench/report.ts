/** A run as it is printed and as it is saved. */

import { cpus } from 'node:os'
import type { Counted } from './counts.ts'
import { spreadOf, spreadText, table } from './figures.ts'
import { OPERATION_NAMES, type Operation } from './operations.ts'
import type { Started } from './startup.ts'
import type { Verdict } from './targets.ts'
import { cpuOf, type Measured, type Pace, ratesOf } from './turns.ts'

type Run = Readonly<{
  pace: Pace
  isPinned: boolean
  measured: readonly Measured[]
  counted: readonly Counted[]
  started: readonly Started[]
  verdicts: readonly Verdict[]
}>

const kib = (bytes: number) => (bytes / 1024).toFixed(1)

const counts = (counted: Readonly<Record<string, number>>) =>
  Object.entries(counted)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ') || 'nothing'

function resultRows(measured: readonly Measured[]) {
  const order = Object.keys(OPERATION_NAMES)
  return [...measured]
    .sort((a, b) => order.indexOf(a.row.operation) - order.indexOf(b.row.operation))
    .map((one) => [
      OPERATION_NAMES[one.row.operation as Operation],
      one.row.who,
      one.row.storage,
      spreadText(spreadOf(ratesOf(one)), 0),
      spreadText(spreadOf(cpuOf(one)), 3),
    ])
}

const verdictRow = ({ what, measured, unit, bound, gate, goal, isMet, reachesGoal }: Verdict) => {
  const sign = bound === 'least' ? '>=' : '<='
  return [
    what,
    `${spreadText(measured, unit === 'KiB' ? 1 : 2)}${unit === 'KiB' ? ' KiB' : ''}`,
    `${sign} ${gate}`,
    goal === null ? '-' : `${sign} ${goal}`,
    isMet ? (reachesGoal === false ? 'pass' : 'pass, goal') : 'MISS',
  ]
}

export function printed({ pace, isPinned, measured, counted, started, verdicts }: Run): string {
  const { slices, sliceSeconds, connections } = pace
  return [
    `Medians of ${slices} slices of about ${sliceSeconds} s, with the quartiles; ${connections} connections; ` +
      (isPinned ? 'server on one core, load on another.' : 'NOT pinned to cores.'),
    table(['operation', 'who', 'storage', 'requests/s', 'CPU ms/request'], resultRows(measured)),
    'Storage and cryptography of one request, deferred work included',
    table(
      ['operation', 'storage', 'cryptography'],
      counted.map(({ name, storage, crypto }) => [name, counts(storage), counts(crypto)]),
    ),
    'Start: minified bundle, compile and evaluate (thread time), first response of a new isolate minus that of an empty one',
    table(
      ['bundle', 'KiB', 'KiB gzipped', 'evaluate ms', 'first response ms'],
      started.map(({ name, bytes, gzippedBytes, evaluateMs, firstAnswerMs }) => [
        name,
        kib(bytes),
        kib(gzippedBytes),
        spreadText(evaluateMs, 1),
        spreadText(firstAnswerMs, 0),
      ]),
    ),
    'Targets',
    table(['target', 'measured', 'gate', 'goal', ''], verdicts.map(verdictRow)),
  ].join('\n\n')
}

export const kept = ({ pace, isPinned, measured, counted, started, verdicts }: Run) => ({
  measuredAt: new Date().toISOString(),
  node: process.version,
  processor: cpus()[0]?.model ?? 'unknown',
  isPinned,
  pace,
  rows: measured.map((one) => ({
    operation: one.row.operation,
    who: one.row.who,
    storage: one.row.storage,
    requestsPerSecond: spreadOf(ratesOf(one)),
    cpuMsPerRequest: spreadOf(cpuOf(one)),
    slices: one.slices,
  })),
  counted,
  started,
  verdicts,
})
