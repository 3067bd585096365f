/** `npm run bundle`: the size of each Worker as deployed, against its budget. */

import { gzipSync } from 'node:zlib'
import { ALL_WORKERS, type WorkerName } from '../config.ts'
import { buildWorker } from './build-worker.ts'
import { CONFIG_PATHS } from './project.ts'
import { oneLine } from './refusal.ts'
import { readWranglerConfig } from './wrangler-config.ts'

const BUDGETS_KIB: Readonly<Record<WorkerName, number>> = {
  registry: 78.5,
  // The request checker takes 31 KiB of this budget: it includes the flows of /token and /authorize, which it runs without
  // their effects.
  management: 195,
  authenticator: 22,
}

async function weigh(worker: WorkerName): Promise<boolean> {
  const budgetKib = BUDGETS_KIB[worker]
  const { name, main } = readWranglerConfig(CONFIG_PATHS[worker])
  const kib = gzipSync(await buildWorker(main, { minify: true }), { level: 9 }).length / 1024
  const isOver = kib > budgetKib
  const verdict = isOver ? 'OVER its budget of' : 'budget'
  console.log(`${name}: ${kib.toFixed(1)} KiB gzipped, ${verdict} ${budgetKib} KiB`)
  return isOver
}

try {
  for (const worker of ALL_WORKERS) if (await weigh(worker)) process.exitCode = 1
} catch (fault) {
  console.error(oneLine(fault))
  process.exitCode = 1
}
