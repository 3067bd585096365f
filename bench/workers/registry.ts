/** The registry as deployed, with requests to send it handed out beside it. */

import registry from '../../src/worker.ts'
import { type BenchEnv, type Prepared, prepare } from './bindings.ts'
import { handOut, isHandout } from './requests.ts'

let prepared: Prepared | undefined
let serving: BenchEnv & { LOGIN_LIMIT: RateLimit; REFUSAL_LIMIT: RateLimit }

const unlimited: RateLimit = { limit: async () => ({ success: true }) }

export default {
  async fetch(request, env, context) {
    if (prepared && !isHandout(request)) return registry.fetch(request, serving, context)
    prepared ??= await prepare(env)
    const { DB, SESSIONS, CODES } = prepared
    serving ??= {
      ...env,
      DB,
      SESSIONS,
      CODES,
      LOGIN_LIMIT: unlimited,
      REFUSAL_LIMIT: unlimited,
    }
    return handOut(request, prepared)
  },
} satisfies ExportedHandler<BenchEnv>
