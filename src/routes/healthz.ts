/** `/healthz`: 200 once the registry can serve, 503 before. */

import { sendJson, sendRefusal } from '../http/respond.ts'
import type { Endpoint, RouteDeps } from './endpoint.ts'

export const healthz = (deps: RouteDeps): Endpoint => ({
  path: '/healthz',
  refuse: sendRefusal,
  get: async (c) => {
    await deps.probe()
    return sendJson(c, { status: 'ok' })
  },
})
