/** A service of one route behind `scoped()`. */

import { Hono } from 'hono'
import { type ScopedEnv, type ScopedOptions, scoped } from '../../src/resource-server/hono.ts'

/** A route that returns the session it served; `served` counts the requests that reached it. */
export function scopedService(
  scope: Parameters<typeof scoped>[0],
  options?: ScopedOptions,
  env: object = {},
) {
  const app = new Hono<ScopedEnv>()
  const seen = { served: 0 }
  app.get('/submissions/:id?', scoped(scope, options), (c) => {
    seen.served++
    return c.json({ session: c.var.session.session_id })
  })
  const ask = (path: string, headers: Record<string, string> = {}) =>
    Promise.resolve(app.request(path, { headers }, env))
  return { ask, seen }
}
