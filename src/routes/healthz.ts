/** `/healthz`: 200 once the registry can serve, 503 before. */

import type { Endpoint } from './endpoint.ts'

export const healthEndpoint: Endpoint = {
  path: '/healthz',
  isRoutine: true,
  get: async (_c, deps) => {
    await deps.probe()
    return { status: 'ok' }
  },
}
