/** Growth: does an operation cost the same with 10 clients as with a million, and as many codes and refresh tokens? */

import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inProject } from '../src/local/project.ts'
import { grow } from './growth/grow.ts'
import { readPlans } from './growth/plans.ts'
import type { Options } from './options.ts'
import { keep, spreadText, table } from './output.ts'
import { startLoad, startServer } from './processes.ts'
import { quotients, spreadOf } from './statistics.ts'
import { cpuOf, type Measured, type Row, ratesOf, takeTurns } from './turns.ts'

const SMALLEST = 10
const MIDDLE = 10_000
/** Of CPU a request, largest over smallest: SQLite's trees are two levels deeper at a million. */
const SAME_WITHIN = 1.15
const LIST_WITHIN_MS = 30 * 60 * 1000
const POLL_MS = 200

type Listed = Readonly<{ seconds: number; peakMib: number; outputMib: number; ended: string }>

/** `client list`, with the memory it took at its peak. */
const listClients = (stateDir: string) =>
  new Promise<Listed>((done) => {
    const words = [inProject('src/cli/main.ts'), 'client', 'list', '--json']
    const child = spawn(process.execPath, words, {
      env: { ...process.env, STATE_DIR: stateDir },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const startedAt = performance.now()
    let bytes = 0
    let peakKib = 0
    let complaint = ''
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
    child.stderr.on('data', (chunk: Buffer) => {
      complaint = `${complaint}${chunk.toString()}`.slice(0, 300)
    })
    const poll = setInterval(() => {
      try {
        const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
        peakKib = Math.max(peakKib, Number(/VmHWM:\s*(\d+)/.exec(status)?.[1] ?? 0))
      } catch {
        // It has ended.
      }
    }, POLL_MS)
    const late = setTimeout(() => child.kill(), LIST_WITHIN_MS)
    child.once('close', (code, signal) => {
      clearInterval(poll)
      clearTimeout(late)
      done({
        seconds: (performance.now() - startedAt) / 1000,
        peakMib: peakKib / 1024,
        outputMib: bytes / 1024 / 1024,
        ended: code === 0 ? 'well' : `with ${code ?? signal}: ${complaint.split('\n')[0]}`,
      })
    })
  })

function comparison(measured: readonly Measured[]) {
  return measured.map((one) => {
    const smallest = measured.find(
      ({ row }) => row.operation === one.row.operation && row.who === String(SMALLEST),
    )
    const growth = spreadOf(quotients(cpuOf(one), cpuOf(smallest ?? one)))
    return {
      operation: one.row.operation,
      clients: Number(one.row.who),
      requestsPerSecond: spreadOf(ratesOf(one)),
      cpuMsPerRequest: spreadOf(cpuOf(one)),
      overSmallest: growth,
      isSame: growth.median <= SAME_WITHIN,
    }
  })
}

/** False if an operation costs more, or a statement reads a whole table. */
export async function measureGrowth({ pace, clients, save }: Options): Promise<boolean> {
  const say = (text: string) => console.error(text)
  const directory = mkdtempSync(join(tmpdir(), 'bench-growth-'))
  const end = () => rmSync(directory, { recursive: true, force: true })
  process.on('exit', end)
  const sizes = [...new Set([SMALLEST, Math.min(MIDDLE, clients), clients])]
  const states = sizes.map((size) => ({ size, stateDir: join(directory, String(size)) }))
  for (const { size, stateDir } of states) {
    say(`growing to ${size} clients, spent codes and refresh tokens`)
    await grow(stateDir, size, say)
  }
  const plans = states.map(({ size, stateDir }) => ({ clients: size, ...readPlans(stateDir) }))

  const load = startLoad()
  const rows: Row[] = []
  for (const { size, stateDir } of states) {
    const server = await startServer(['servers/grown.ts', stateDir, String(size)])
    for (const [operation, port] of Object.entries(server.ports)) {
      rows.push({ operation, storage: 'simulator', who: String(size), server, port })
    }
    server.stop()
  }
  const compared = comparison(await takeTurns(rows, load, pace, say))
  for (const { server } of rows) server.end()
  load.end()

  console.log(
    table(
      ['operation', 'clients', 'requests/s', 'CPU ms/request', 'CPU over smallest', ''],
      compared
        .sort((a, b) => a.operation.localeCompare(b.operation) || a.clients - b.clients)
        .map((one) => [
          one.operation,
          String(one.clients),
          spreadText(one.requestsPerSecond, 0),
          spreadText(one.cpuMsPerRequest, 3),
          spreadText(one.overSmallest, 2),
          one.isSame ? 'same' : `MORE than ${SAME_WITHIN}`,
        ]),
    ),
  )

  for (const { clients: size, statements, scans } of plans) {
    console.log(`${size} clients: of ${statements} statements ${scans.length} read a whole table`)
    for (const scan of scans) console.log(scan)
  }

  const listed = []
  for (const { size, stateDir } of states) {
    say(`listing ${size} clients`)
    listed.push({ clients: size, ...(await listClients(stateDir)) })
  }
  console.log(
    table(
      ['client list', 'seconds', 'peak MiB', 'output MiB', 'ended'],
      listed.map(({ clients: size, seconds, peakMib, outputMib, ended }) => [
        String(size),
        seconds.toFixed(1),
        peakMib.toFixed(0),
        outputMib.toFixed(1),
        ended,
      ]),
    ),
  )
  const run = { measuredAt: new Date().toISOString(), pace, compared, plans, listed }
  keep('growth.json', run, save ? 'growth.json' : null)
  return compared.every(({ isSame }) => isSame) && plans.every(({ scans }) => scans.length === 0)
}
