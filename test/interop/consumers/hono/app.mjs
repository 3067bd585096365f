/** A service with Hono, for Workers and for Node.js. */

import { introspection, keySet, protectedResource, scoped } from 'edge-registry/hono'
import { Hono } from 'hono'
import { BOTH, describedBy, METADATA, READ, waysOf } from './ways.mjs'

export function appOf(settings, more = {}) {
  const app = new Hono()
  app.all(METADATA, protectedResource(describedBy(settings)))
  const ways = { ...waysOf({ introspection, keySet }, settings), ...more }
  for (const [name, options] of Object.entries(ways)) {
    app.get(`/${name}/read`, scoped(READ, options), (c) => c.json(c.var.session))
    app.get(`/${name}/both`, scoped(BOTH, options), (c) => c.json(c.var.session))
  }
  return app
}
