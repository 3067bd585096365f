/** `/healthz`: 200 if the registry can serve, and 503 if it cannot. */

import type { Endpoint } from './endpoint.ts'

export const healthEndpoint: Endpoint = {
  path: '/healthz',
  isRoutine: true,
  get: async (_c, deps) => {
    await deps.probe()
    return { status: 'ok' }
  },
}
