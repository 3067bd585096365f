/** Growth: whether an operation costs the same with 10 clients, codes and refresh tokens as with a million of each. */

import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { inProject } from '../src/local/project.ts'
import { anyValues, isScan, statements } from '../test/workers/statements.ts'
import { keep, quotients, spreadOf, spreadText, table } from './figures.ts'
import { databaseFile, grow } from './growth/grow.ts'
import type { Options } from './options.ts'
import { mibOf } from './process-group.ts'
import { startLoad, startServer } from './processes.ts'
import { cpuOf, type Measured, type Pace, type Row, ratesOf, takeTurns } from './turns.ts'

const SMALLEST = 10
const MIDDLE = 10_000
/** The limit of the CPU time at the largest size over the smallest: SQLite's trees are two levels deeper at a million. */
const SAME_WITHIN = 1.15
const LIST_WITHIN_MS = 30 * 60 * 1000
const POLL_MS = 200

type Listed = Readonly<{ seconds: number; peakMib: number; outputMib: number; ended: string }>

/** Runs `client list` and measures its peak memory. */
const listClients = (stateDir: string) =>
  new Promise<Listed>((done) => {
    const words = [inProject('src/cli/main.ts'), 'client', 'list', '--json']
    const child = spawn(process.execPath, words, {
      env: { ...process.env, STATE_DIR: stateDir },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const startedAt = performance.now()
    let bytes = 0
    let peakMib = 0
    let complaint = ''
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
    child.stderr.on('data', (chunk: Buffer) => {
      complaint = `${complaint}${chunk.toString()}`.slice(0, 300)
    })
    const poll = setInterval(() => {
      peakMib = Math.max(peakMib, mibOf(child.pid, 'VmHWM'))
    }, POLL_MS)
    const late = setTimeout(() => child.kill(), LIST_WITHIN_MS)
    child.once('close', (code, signal) => {
      clearInterval(poll)
      clearTimeout(late)
      done({
        seconds: (performance.now() - startedAt) / 1000,
        peakMib,
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

type Plans = Readonly<{ statements: number; scans: readonly string[] }>

/**
 * The query plans of all statements on a grown database, before and after ANALYZE gives SQLite statistics about its rows.
 * Deletes the statistics again.
 */
function readPlans(stateDir: string): Plans {
  const sqlite = new DatabaseSync(databaseFile(stateDir))
  const scansOf = ([name, sql]: readonly [string, string]) =>
    sqlite
      .prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .all(...anyValues(sql))
      .map(({ detail }) => String(detail))
      .filter(isScan)
      .map((detail) => `${name}: ${detail}`)
  try {
    if (scansOf(['control', 'SELECT * FROM client WHERE name = ?1']).length === 0) {
      throw new Error('a scan was not seen')
    }
    const asItStands = statements.flatMap(scansOf)
    sqlite.exec('ANALYZE')
    const analyzed = statements.flatMap(scansOf)
    sqlite.exec('DROP TABLE sqlite_stat1')
    sqlite.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    return { statements: statements.length, scans: [...new Set([...asItStands, ...analyzed])] }
  } finally {
    sqlite.close()
  }
}

type State = Readonly<{ size: number; stateDir: string }>

/** Measures every operation on every state, in turns. */
async function compareStates(states: readonly State[], pace: Pace, say: (text: string) => void) {
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
  return compared.sort((a, b) => a.operation.localeCompare(b.operation) || a.clients - b.clients)
}

const comparedTable = (compared: ReturnType<typeof comparison>) =>
  table(
    ['operation', 'clients', 'requests/s', 'CPU ms/request', 'CPU over smallest', ''],
    compared.map((one) => [
      one.operation,
      String(one.clients),
      spreadText(one.requestsPerSecond, 0),
      spreadText(one.cpuMsPerRequest, 3),
      spreadText(one.overSmallest, 2),
      one.isSame ? 'same' : `MORE than ${SAME_WITHIN}`,
    ]),
  )

const listedTable = (listed: readonly (Listed & Readonly<{ clients: number }>)[]) =>
  table(
    ['client list', 'seconds', 'peak MiB', 'output MiB', 'ended'],
    listed.map(({ clients, seconds, peakMib, outputMib, ended }) => [
      String(clients),
      seconds.toFixed(1),
      peakMib.toFixed(0),
      outputMib.toFixed(1),
      ended,
    ]),
  )

/** Returns false if an operation costs more, or a statement reads a whole table. */
export async function measureGrowth({ pace, clients, save }: Options): Promise<boolean> {
  const say = (text: string) => console.error(text)
  const directory = mkdtempSync(join(tmpdir(), 'bench-growth-'))
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }))
  const sizes = [...new Set([SMALLEST, Math.min(MIDDLE, clients), clients])]
  const states = sizes.map((size) => ({ size, stateDir: join(directory, String(size)) }))
  for (const { size, stateDir } of states) {
    say(`growing to ${size} clients, spent codes and refresh tokens`)
    await grow(stateDir, size, say)
  }
  const plans = states.map(({ size, stateDir }) => ({ clients: size, ...readPlans(stateDir) }))
  const compared = await compareStates(states, pace, say)
  console.log(comparedTable(compared))
  for (const { clients: size, statements: count, scans } of plans) {
    console.log(`${size} clients: of ${count} statements ${scans.length} read a whole table`)
    for (const scan of scans) console.log(scan)
  }
  const listed = []
  for (const { size, stateDir } of states) {
    say(`listing ${size} clients`)
    listed.push({ clients: size, ...(await listClients(stateDir)) })
  }
  console.log(listedTable(listed))
  const run = { measuredAt: new Date().toISOString(), pace, compared, plans, listed }
  keep('growth.json', run, save ? 'growth.json' : null)
  return compared.every(({ isSame }) => isSame) && plans.every(({ scans }) => scans.length === 0)
}
