/** The command line's way into the state of a running registry: `storage-worker.ts`, as `runWorkers` takes it. */

import type { Miniflare } from 'miniflare'
import { buildWorker } from './build-worker.ts'
import { inProject } from './project.ts'
import { ANY_FREE_PORT, type RunnableWorker } from './run-workers.ts'
import type { WranglerConfig } from './wrangler-config.ts'

const NAME = 'storage'

/** On the storage of `registry`, for whoever shows `token`. */
export const storageService = async (
  registry: WranglerConfig,
  token: string,
): Promise<RunnableWorker> => ({
  config: { ...registry, name: NAME, vars: {}, ratelimits: [] },
  module: await buildWorker(inProject('src/local/storage-worker.ts')),
  port: ANY_FREE_PORT,
  vars: { TOKEN: token },
})

/** What `CLOUDFLARE_API_BASE_URL` is to Cloudflare's own. Stays the same when the runtime crashes and is restarted. */
export const urlOfStorage = async (runtime: Miniflare): Promise<string> =>
  (await runtime.unsafeGetDirectURL(NAME)).origin
