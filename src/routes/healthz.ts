/** `/healthz`: 200 once the registry can serve, 503 before. */

import { JsonAnswer, sendRefusal } from '../http/respond.ts'
import type { Endpoint, RouteDeps } from './endpoint.ts'

export const healthz = (deps: RouteDeps): Endpoint => ({
  path: '/healthz',
  refuse: sendRefusal,
  isRoutine: true,
  get: async () => {
    await deps.probe()
    return new JsonAnswer({ status: 'ok' })
  },
})
