/** `/healthz`: 200 once the registry can serve, 503 before. */

import { sendErrorJson } from '../http/error-json.ts'
import type { Endpoint } from './endpoint.ts'

export const healthEndpoint: Endpoint = {
  path: '/healthz',
  sendError: sendErrorJson,
  isRoutine: true,
  get: async (_c, deps) => {
    await deps.probe()
    return { status: 'ok' }
  },
}
