/** `/healthz`: 200 once the registry can serve, 503 before. */

import { JsonAnswer, sendRefusal } from '../http/respond.ts'
import type { Endpoint } from './endpoint.ts'

export const healthz: Endpoint = {
  path: '/healthz',
  refuse: sendRefusal,
  isRoutine: true,
  get: async (_c, deps) => {
    await deps.probe()
    return new JsonAnswer({ status: 'ok' })
  },
}
