/** What `npm run bench` may be told. */

import { parseArgs } from 'node:util'
import type { Pace } from './turns.ts'

export const COMMANDS = ['compare', 'growth', 'edge', 'counts', 'start', 'profile'] as const
export type Command = (typeof COMMANDS)[number]

export type Options = Readonly<{
  command: Command
  pace: Pace
  /** Names of contestants or kinds of storage; empty: all. */
  only: readonly string[]
  quick: boolean
  /** Write `results.json` too. */
  save: boolean
  /** Of the largest database in `growth`. */
  clients: number
}>

const USAGE = `npm run bench -- [${COMMANDS.join(' | ')}] [--quick] [--slices N] [--seconds S] [--connections N]
  [--only NAME]... [--save] [--clients N]`

const MIN_SLICES = 18
const QUICK_SLICES = 3

export function readOptions(words: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      save: { type: 'boolean', default: false },
      slices: { type: 'string' },
      seconds: { type: 'string' },
      connections: { type: 'string', default: '8' },
      clients: { type: 'string' },
      only: { type: 'string', multiple: true, default: [] },
    },
  })
  const command = COMMANDS.find((one) => one === (positionals[0] ?? 'compare'))
  if (!command) throw new Error(USAGE)
  const { quick, save, only } = values
  return {
    command,
    quick,
    save,
    only,
    clients: Number(values.clients ?? (quick ? 20_000 : 1_000_000)),
    pace: {
      slices: Number(values.slices ?? (quick ? QUICK_SLICES : MIN_SLICES)),
      sliceSeconds: Number(values.seconds ?? (quick ? 0.3 : 1)),
      connections: Number(values.connections),
    },
  }
}
