/** A service that takes a `Request`, for Node.js, Deno and Bun. */

import { introspection, keySet, protectedResource, scoped } from 'edge-registry/fetch'
import { BOTH, describedBy, METADATA, READ, waysOf } from './ways.mjs'

export function handlerOf(settings) {
  const routes = new Map([[METADATA, protectedResource(describedBy(settings))]])
  const found = (_request, session) => Response.json(session)
  for (const [name, options] of Object.entries(waysOf({ introspection, keySet }, settings))) {
    routes.set(`/${name}/read`, scoped(READ, options)(found))
    routes.set(`/${name}/both`, scoped(BOTH, options)(found))
  }
  return (request) =>
    routes.get(new URL(request.url).pathname)?.(request) ?? new Response(null, { status: 404 })
}
