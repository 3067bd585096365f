/** The options of `npm run bench`. */

import { parseArgs } from 'node:util'
import type { Pace } from './turns.ts'

const COMMANDS = ['compare', 'growth', 'edge', 'counts', 'start', 'profile', 'soak'] as const
export type Command = (typeof COMMANDS)[number]

export type Options = Readonly<{
  command: Command
  pace: Pace
  /** Names of servers or kinds of storage; all if empty. */
  only: readonly string[]
  quick: boolean
  /** Whether the results are also written to bench/, to be committed. */
  save: boolean
  /** The number of clients in the largest database of `growth`. */
  clients: number
  /** The duration of `soak`, and the time between restarts of the service in its first fifth. */
  minutes: number
  restartEverySeconds: number
}>

export const USAGE = `npm run bench -- [${COMMANDS.join(' | ')}] [--quick] [--slices N] [--seconds S] [--connections N]
  [--only NAME]... [--save] [--clients N] [--minutes M] [--restart-every SECONDS]
bench/README.md says what each measures, how long it takes, and what the options are.`

const MIN_SLICES = 18
const QUICK_SLICES = 3
/** With some forty rows, a run takes less than twenty minutes. */
const SLICE_SECONDS = 0.75
const WARM_UP_REQUESTS = 6000

/** Null if the usage should be printed. */
export function readOptions(words: readonly string[]): Options | null {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      help: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      save: { type: 'boolean', default: false },
      slices: { type: 'string' },
      seconds: { type: 'string' },
      connections: { type: 'string', default: '8' },
      clients: { type: 'string' },
      minutes: { type: 'string' },
      'restart-every': { type: 'string' },
      only: { type: 'string', multiple: true, default: [] },
    },
  })
  if (values.help) return null
  const command = COMMANDS.find((one) => one === (positionals[0] ?? 'compare'))
  if (!command) throw new Error(USAGE)
  const { quick, save, only } = values
  return {
    command,
    quick,
    save,
    only,
    minutes: Number(values.minutes ?? (quick ? 1 : 15)),
    restartEverySeconds: Number(values['restart-every'] ?? (quick ? 10 : 45)),
    clients: Number(values.clients ?? (quick ? 20_000 : 1_000_000)),
    pace: {
      slices: Number(values.slices ?? (quick ? QUICK_SLICES : MIN_SLICES)),
      sliceSeconds: Number(values.seconds ?? (quick ? 0.2 : SLICE_SECONDS)),
      connections: Number(values.connections),
      warmUpRequests: quick ? 0 : WARM_UP_REQUESTS,
    },
  }
}
