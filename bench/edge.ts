/** A simulation of the edge: how long each operation takes near to and far from the database, and what it costs. */

import { setTimeout as sleep } from 'node:timers/promises'
import { countStorage, settle } from './counts.ts'
import { drawFrom, latencyOf, PLACES, type Place, seededRandom } from './edge/latencies.ts'
import { openMeteredDatabase } from './edge/metered-database.ts'
import { FREE, freePerDay, priceOf } from './edge/prices.ts'
import { virtualClock } from './edge/virtual-clock.ts'
import { quantile, table } from './figures.ts'
import { type Act, actsOf } from './lab/acts.ts'
import { watchCrypto } from './lab/crypto-counter.ts'
import { openLab } from './lab/registry.ts'
import type { StorageOperation } from './lab/watch.ts'
import type { Options } from './options.ts'

const SAMPLES = 500
const QUICK_SAMPLES = 25
const SEED = 20_261_124
const WARM_SECONDS = 300
/** The simulator works in another process, so deferred work gets this much time. */
const SIMULATOR_MS = 60

const FREE_PLAN = `
The free plan's ${FREE.kvWrites} KV writes a day are ${FREE.kvWrites} tokens by client_credentials or renewal. A sign-in at a client writes twice (the
code, then the session): ${FREE.kvWrites / 2} a day, if nothing else is issued. A signed token writes nothing, and a sign-in for one writes once. Cron writes once a minute while a bulk revocation is alive. Checks are bounded by ${FREE.requests} requests a day.`

/** Whether KV has the token in the cache of this location: both for a check, and not for other operations. */
const kvStatesOf = ({ name }: Act) => (name.startsWith('check') ? [true, false] : [false])

const nameWith = (name: string, kvIsHot: boolean) =>
  name.startsWith('check') ? `${name}, token ${kvIsHot ? 'hot' : 'cold'}` : name

type Step = Readonly<{ operation: StorageOperation; from: number; to: number }>

async function simulate(samples: number) {
  const lab = await openLab(WARM_SECONDS)
  const clock = virtualClock()
  const acts = await actsOf(lab, settle)

  /** Makes one request. `draw` says how long a storage call takes. */
  const once = async ({ ready }: Act, draw: (operation: StorageOperation) => number) => {
    const run = await ready()
    await settle()
    const steps: Step[] = []
    lab.setAround(async (operation, act) => {
      const from = clock.now()
      await clock.wait(draw(operation))
      steps.push({ operation, from, to: clock.now() })
      return act()
    })
    try {
      const { ms } = await clock.run(run)
      return { ms, steps }
    } finally {
      lab.setAround(null)
    }
  }

  const rows: string[][] = []
  const waterfalls: string[][] = []
  for (const act of acts) {
    for (const kvIsHot of kvStatesOf(act)) {
      const cells = [nameWith(act.name, kvIsHot)]
      for (const place of PLACES) {
        const random = seededRandom(SEED)
        const draw = (operation: StorageOperation) =>
          drawFrom(latencyOf(operation, place, kvIsHot), random)
        const times: number[] = []
        for (let sample = 0; sample < samples; sample++) times.push((await once(act, draw)).ms)
        cells.push(`${quantile(times, 0.5).toFixed(0)} / ${quantile(times, 0.99).toFixed(0)}`)
      }
      rows.push(cells)
    }
    const [near] = PLACES as [Place]
    const typical = (operation: StorageOperation) => latencyOf(operation, near, false).p50
    const { ms, steps } = await once(act, typical)
    waterfalls.push([act.name, `${ms.toFixed(0)} ms`, drawn(steps, ms)])
  }
  return { rows, waterfalls }
}

/** The order of the storage calls: `+` starts with the previous call, `->` after it, and brackets mark deferred calls. */
function drawn(steps: readonly Step[], answeredAt: number): string {
  const inOrder = [...steps].sort((a, b) => a.from - b.from || a.to - b.to)
  return inOrder
    .map(({ operation, from, to }, index) => {
      const joint = index === 0 ? '' : from === inOrder[index - 1]?.from ? ' + ' : ' -> '
      return joint + (to > answeredAt ? `[${operation}]` : operation)
    })
    .join('')
}

async function price(): Promise<string[][]> {
  const { database, takeMeter, close } = await openMeteredDatabase()
  try {
    const lab = await openLab(WARM_SECONDS, database)
    const deferred = async () => {
      await sleep(SIMULATOR_MS)
    }
    const rows: string[][] = []
    for (const { name, ready } of await actsOf(lab, deferred)) {
      const run = await ready()
      await deferred()
      takeMeter()
      const { storage } = await countStorage(lab, run, deferred)
      const meter = takeMeter()
      const priced = priceOf(storage, meter)
      const free = freePerDay(storage, meter)
      rows.push([
        name,
        String(meter.read),
        String(meter.written),
        priced.request.toFixed(2),
        priced.kv.toFixed(2),
        priced.d1.toFixed(2),
        priced.total.toFixed(2),
        `${free.times} (${free.limit})`,
      ])
    }
    return rows
  } finally {
    await close()
  }
}

export async function simulateEdge({ quick }: Options): Promise<void> {
  watchCrypto()
  const { rows, waterfalls } = await simulate(quick ? QUICK_SAMPLES : SAMPLES)
  console.log('Milliseconds until the response, p50 / p99, with only the time of storage\n')
  console.log(table(['operation', ...PLACES.map(({ name }) => name)], rows))
  console.log('\nOrder of the storage calls, at typical latencies near the database\n')
  console.log(table(['operation', 'until response', 'storage'], waterfalls))
  console.log('\nUS dollars for a million operations, and how many the free plan allows a day\n')
  console.log(
    table(
      ['operation', 'rows read', 'written', 'request', 'KV', 'D1', 'total', 'free a day'],
      await price(),
    ),
  )
  console.log(FREE_PLAN)
}
