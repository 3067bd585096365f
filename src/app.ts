/** The registry as one Hono application: the list of its endpoints, and what all of them have in common. */

import { Hono, type NotFoundHandler } from 'hono'
import { isPreflight, preflightResponse } from './http/any-origin.ts'
import { type FrameDeps, type FrameRules, frame } from './http/frame.ts'
import type { HttpContext, RequestEnv } from './http/request-context.ts'
import { OAuthError } from './protocol/errors.ts'
import { accountEndpoint } from './routes/account.tsx'
import { iconEndpoint, styleEndpoint } from './routes/assets.ts'
import { authorizationEndpoint } from './routes/authorize.tsx'
import type { Endpoint, Handler, RouteDeps } from './routes/endpoint.ts'
import { sendNotFound } from './routes/error-page.tsx'
import { healthEndpoint } from './routes/healthz.ts'
import { introspectionEndpoint } from './routes/introspect.ts'
import { landingEndpoint } from './routes/landing.tsx'
import { loginEndpoint } from './routes/login.tsx'
import { logoutEndpoint } from './routes/logout.ts'
import { type Forward, managementEndpoints } from './routes/management.ts'
import { keySetEndpoint, METADATA_PATH, metadataEndpoint } from './routes/metadata.ts'
import { revocationEndpoint } from './routes/revoke.ts'
import { tokenEndpoint } from './routes/token.ts'

/** The registry's own endpoints. The other endpoints are those of the management Worker. */
export const ENDPOINTS: readonly Endpoint[] = [
  tokenEndpoint,
  revocationEndpoint,
  introspectionEndpoint,
  metadataEndpoint,
  keySetEndpoint,
  authorizationEndpoint,
  accountEndpoint,
  loginEndpoint,
  logoutEndpoint,
  healthEndpoint,
  landingEndpoint,
  styleEndpoint,
  iconEndpoint,
]

const notAllowed = (allow: string) =>
  new OAuthError('invalid_request', `The method must be ${allow}.`, {
    status: 405,
    headers: { Allow: allow },
  })

const notFound = () =>
  new OAuthError('invalid_request', `No endpoint has this path. ${METADATA_PATH} lists them.`, {
    status: 404,
  })

const methodsOf = ({ get, post }: Endpoint) => [
  ...(get ? ['GET', 'HEAD'] : []),
  ...(post ? ['POST'] : []),
]

/** Throws 405 for a method that the endpoint does not have. */
function handlerOf(endpoint: Endpoint): Handler {
  const { get, post, anyMethod, allowsAnyOrigin } = endpoint
  if (anyMethod) return anyMethod
  const methods = methodsOf(endpoint)
  return (c, deps) => {
    const { method } = c.req
    if (post && method === 'POST') return post(c, deps)
    if (get && (method === 'GET' || method === 'HEAD')) return get(c, deps)
    if (allowsAnyOrigin && isPreflight(c.req.raw)) return preflightResponse(c.req.raw, methods)
    throw notAllowed(methods.join(', '))
  }
}

/** Any script may read that a path does not exist: a client that looks for an endpoint must not mistake a 404 for a fault. */
const NOWHERE: FrameRules = { sendError: sendNotFound, allowsAnyOrigin: true }
const ANY_METHOD = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']

function handleNowhere(c: HttpContext): Response {
  if (isPreflight(c.req.raw)) return preflightResponse(c.req.raw, ANY_METHOD)
  throw notFound()
}

type AppDeps = Omit<RouteDeps, 'hasPortal'> &
  FrameDeps &
  Readonly<{
    /** Null if no management Worker is bound: its paths are then 404. */
    management: Forward | null
  }>

export function createApp(given: AppDeps) {
  const deps = { ...given, hasPortal: given.management !== null }
  const app = new Hono<RequestEnv>()
  // Each path has one handler: if a path had several, Hono would chain them again for every request.
  const forwarded = deps.management ? managementEndpoints(deps.management) : []
  for (const endpoint of [...ENDPOINTS, ...forwarded]) {
    const handler = handlerOf(endpoint)
    app.all(
      endpoint.path,
      frame(endpoint, deps, (c) => handler(c, deps)),
    )
  }
  app.notFound(frame(NOWHERE, deps, handleNowhere) as NotFoundHandler<RequestEnv>)
  return app
}
