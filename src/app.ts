/** The registry as one Hono application: the list of its endpoints, and what holds for all of them. */

import { Hono, type NotFoundHandler } from 'hono'
import { answerPreflight, isPreflight } from './http/any-origin.ts'
import { type Framed, type FrameSettings, framed, type Serve } from './http/frame.ts'
import type { RequestNote } from './http/request-note.ts'
import { OAuthError } from './protocol/errors.ts'
import { account } from './routes/account.tsx'
import { icon, style } from './routes/assets.ts'
import { authorize } from './routes/authorize.tsx'
import type { Endpoint, RouteDeps } from './routes/endpoint.ts'
import { sendNotFound } from './routes/error-page.tsx'
import { errorCode, errorIndex } from './routes/errors.tsx'
import { healthz } from './routes/healthz.ts'
import { introspection } from './routes/introspect.ts'
import { landing } from './routes/landing.tsx'
import { login } from './routes/login.tsx'
import { logout } from './routes/logout.ts'
import { metadata } from './routes/metadata.ts'
import { revoke } from './routes/revoke.ts'
import { token } from './routes/token.ts'

export type { RouteDeps }

/** All of them: what is not here, the registry does not answer. */
export const endpointsOf = (issuer: string): readonly Endpoint[] => [
  token,
  revoke,
  introspection,
  metadata(issuer),
  authorize,
  account,
  login,
  logout,
  healthz,
  landing,
  errorIndex,
  errorCode,
  style,
  icon,
]

const notAllowed = (allow: string) =>
  new OAuthError('invalid_request', `The method must be ${allow}.`, {
    status: 405,
    headers: { Allow: allow },
  })

const notFound = () => new OAuthError('invalid_request', 'There is nothing here.', { status: 404 })

const methodsOf = ({ get, post }: Endpoint) => [
  ...(get ? ['GET', 'HEAD'] : []),
  ...(post ? ['POST'] : []),
]

/** Throws 405 for a method that the endpoint does not know. */
function served(endpoint: Endpoint): Serve<RouteDeps> {
  const { get, post, allowsAnyOrigin } = endpoint
  const methods = methodsOf(endpoint)
  return (c, deps) => {
    const { method } = c.req
    if (post && method === 'POST') return post(c, deps)
    if (get && (method === 'GET' || method === 'HEAD')) return get(c, deps)
    if (allowsAnyOrigin && isPreflight(c.req.raw)) return answerPreflight(c.req.raw, methods)
    throw notAllowed(methods.join(', '))
  }
}

/** Where nothing is, any script may read that: a client that looks for an endpoint must not take it for a fault. */
const nowhere: Framed = { refuse: sendNotFound, allowsAnyOrigin: true }
const ANY_METHOD = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']

const serveNothing: Serve<RouteDeps> = (c) => {
  if (isPreflight(c.req.raw)) return answerPreflight(c.req.raw, ANY_METHOD)
  throw notFound()
}

/** `open` makes what a request is given: nothing of it is shared with another request. */
export function createApp(settings: FrameSettings, open: (note: RequestNote) => RouteDeps) {
  const app = new Hono()
  // One handler for each path: where there are several, Hono chains them anew for every request.
  for (const endpoint of endpointsOf(settings.issuer)) {
    app.all(endpoint.path, framed(endpoint, settings, open, served(endpoint)))
  }
  app.notFound(framed(nowhere, settings, open, serveNothing) as NotFoundHandler)
  return app
}
