/**
 * Measures in turns: all servers run, and all except the measured one are paused. Each cycle measures a slice of every row.
 * Other load on the machine affects all rows of a cycle, so rows are compared within their cycle.
 */

import type { Slice } from './load.ts'
import type { Load, Server } from './processes.ts'

export type Row = Readonly<{
  operation: string
  storage: string
  who: string
  server: Server
  port: number
}>

export type Measured = Readonly<{ row: Row; slices: readonly Slice[] }>

export type Pace = Readonly<{
  slices: number
  sliceSeconds: number
  connections: number
  /** The number of requests of each row before its first slice, because compilers optimize only code that runs often. */
  warmUpRequests: number
}>

const FIRST_REQUESTS = 60
const SETTLING_ROUNDS = 3
const MIN_REQUESTS = 40
/** A slow row counts as warm after this time, even with fewer requests. */
const MAX_WARM_UP_SECONDS = 8

export async function takeTurns(
  rows: readonly Row[],
  load: Load,
  pace: Pace,
  say: (text: string) => void,
): Promise<readonly Measured[]> {
  const slice = async ({ server, port, operation, who, storage }: Row, requests: number) => {
    server.go()
    try {
      const { connections } = pace
      return await load.run({ port, operation, requests, connections, group: server.group })
    } catch (fault) {
      throw new Error(`${who}, ${storage}, ${operation}: ${String(fault)}`)
    } finally {
      server.stop()
    }
  }
  for (const { server } of rows) server.stop()

  const counts: number[] = rows.map(() => FIRST_REQUESTS)
  const answered: number[] = rows.map(() => 0)
  const spentSeconds: number[] = rows.map(() => 0)
  const isCold = (index: number) =>
    (answered[index] ?? 0) < pace.warmUpRequests && (spentSeconds[index] ?? 0) < MAX_WARM_UP_SECONDS
  const coldRows = () => rows.filter((_, index) => isCold(index)).length
  for (let round = 1; round <= SETTLING_ROUNDS || coldRows() > 0; round++) {
    for (const [index, row] of rows.entries()) {
      if (round > SETTLING_ROUNDS && !isCold(index)) continue
      const { requests, seconds } = await slice(row, counts[index] ?? MIN_REQUESTS)
      answered[index] = (answered[index] ?? 0) + requests
      spentSeconds[index] = (spentSeconds[index] ?? 0) + seconds
      const wanted = (requests / seconds) * pace.sliceSeconds
      counts[index] = Math.max(MIN_REQUESTS, Math.round(wanted))
    }
    say(`warm-up ${round}: ${coldRows()} of ${rows.length} rows are cold`)
  }

  const slices = rows.map((): Slice[] => [])
  for (let cycle = 1; cycle <= pace.slices; cycle++) {
    for (const [index, row] of rows.entries()) {
      slices[index]?.push(await slice(row, counts[index] ?? MIN_REQUESTS))
    }
    say(`cycle ${cycle} of ${pace.slices}`)
  }
  return rows.map((row, index) => ({ row, slices: slices[index] ?? [] }))
}

export const ratesOf = ({ slices }: Measured) =>
  slices.map(({ requests, seconds }) => requests / seconds)

/** Milliseconds of processor time per request. */
export const cpuOf = ({ slices }: Measured) =>
  slices.map(({ requests, cpuSeconds }) => (cpuSeconds / requests) * 1000)
