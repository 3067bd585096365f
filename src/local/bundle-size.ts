/** `npm run bundle`: what each worker weighs when deployed, against its budget. */

import { gzipSync } from 'node:zlib'
import { buildWorker } from './build-worker.ts'
import { AUTHENTICATOR_CONFIG, MANAGEMENT_CONFIG, REGISTRY_CONFIG } from './project.ts'
import { oneLine } from './refusal.ts'
import { readWranglerConfig } from './wrangler-config.ts'

const BUDGETS = [
  { config: REGISTRY_CONFIG, budgetKib: 78.5 },
  // The request checker takes 31 KiB of these: it has the flows of /token and /authorize, which it runs without their effects.
  { config: MANAGEMENT_CONFIG, budgetKib: 195 },
  { config: AUTHENTICATOR_CONFIG, budgetKib: 22 },
]

async function weigh({ config, budgetKib }: (typeof BUDGETS)[number]): Promise<boolean> {
  const { name, main } = readWranglerConfig(config)
  const kib = gzipSync(await buildWorker(main, { minify: true }), { level: 9 }).length / 1024
  const isOver = kib > budgetKib
  const verdict = isOver ? 'OVER its budget of' : 'budget'
  console.log(`${name}: ${kib.toFixed(1)} KiB gzipped, ${verdict} ${budgetKib} KiB`)
  return isOver
}

try {
  for (const worker of BUDGETS) if (await weigh(worker)) process.exitCode = 1
} catch (fault) {
  console.error(oneLine(fault))
  process.exitCode = 1
}
