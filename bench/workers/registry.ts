/** The registry as deployed, with a path for prepared requests. */

import { type Bindings, compose } from '../../src/compose.ts'
import { SIGNING_KEYS } from '../subject.ts'
import { type BenchEnv, type Prepared, prepare } from './bindings.ts'
import { handOut, isHandout } from './requests.ts'

const unlimited: RateLimit = { limit: async () => ({ success: true }) }

export function registryWorker(): ExportedHandler<BenchEnv> {
  let prepared: Prepared | undefined
  let registry: ReturnType<typeof compose> | undefined
  return {
    async fetch(request, env, context) {
      if (registry && !isHandout(request)) return registry.fetch(request, env, context)
      prepared ??= await prepare(env)
      const { DB, SESSIONS, CODES } = prepared
      const limits = { LOGIN_LIMIT: unlimited, REFUSAL_LIMIT: unlimited }
      registry ??= compose({
        ...env,
        ...limits,
        ...{ DB, SESSIONS, CODES, SIGNING_KEYS },
      } as Bindings)
      return handOut(request, prepared)
    },
  }
}

export default registryWorker()
