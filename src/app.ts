/** The registry as one Hono application: the list of its endpoints, and what holds for all of them. */

import { type Context, Hono } from 'hono'
import { allowAnyOrigin } from './http/any-origin.ts'
import { explaining } from './http/explain.ts'
import { limitBody } from './http/form.ts'
import { OAuthError } from './protocol/errors.ts'
import { account } from './routes/account.tsx'
import { icon, style } from './routes/assets.ts'
import { authorize } from './routes/authorize.tsx'
import type { Endpoint, RouteDeps } from './routes/endpoint.ts'
import { sendErrorPage } from './routes/error-page.tsx'
import { errorCode, errorIndex } from './routes/errors.tsx'
import { healthz } from './routes/healthz.ts'
import { introspection } from './routes/introspect.ts'
import { landing } from './routes/landing.tsx'
import { login } from './routes/login.tsx'
import { logout } from './routes/logout.ts'
import { metadata } from './routes/metadata.ts'
import { revoke } from './routes/revoke.ts'
import { token } from './routes/token.ts'

const endpointsOf = (deps: RouteDeps): readonly Endpoint[] => [
  token(deps),
  revoke(deps),
  introspection(deps),
  metadata(deps),
  authorize(deps),
  account(deps),
  login(deps),
  logout(deps),
  healthz(deps),
  landing(deps),
  errorIndex(),
  errorCode(),
  style(),
  icon(),
]

const notAllowed = (allow: string) =>
  new OAuthError('invalid_request', `The method must be ${allow}.`, {
    status: 405,
    headers: { Allow: allow },
  })

const notFound = () => new OAuthError('invalid_request', 'There is nothing here.', { status: 404 })

export function createApp(deps: RouteDeps) {
  const app = new Hono()
  const endpoints = endpointsOf(deps)
  const isSecure = deps.issuer.startsWith('https://')

  app.use(explaining(deps))
  app.use(async (c, next) => {
    await next()
    // Set on the response as it is: `c.header()` would copy it each time.
    const { headers } = c.res
    headers.set('X-Content-Type-Options', 'nosniff')
    headers.set('Referrer-Policy', 'no-referrer')
    // Also of a redirect: its address may hold a code (RFC 9700 §4.2.4), and it may set a cookie.
    if (!headers.has('Cache-Control')) headers.set('Cache-Control', 'no-store')
    if (isSecure) headers.set('Strict-Transport-Security', 'max-age=31536000')
  })
  for (const { path, allowsAnyOrigin, get, post } of endpoints) {
    const methods = [...(get ? ['GET', 'HEAD'] : []), ...(post ? ['POST'] : [])]
    if (allowsAnyOrigin) app.use(path, allowAnyOrigin(methods))
    if (get) app.get(path, get)
    if (post) app.post(path, limitBody, post)
    app.all(path, () => {
      throw notAllowed(methods.join(', '))
    })
  }
  app.notFound((c) => refuse(c, notFound()))
  app.onError((cause, c) => refuse(c, cause))

  const voices = new Map(endpoints.map((endpoint) => [endpoint.path, endpoint.refuse]))
  const refuse = (c: Context, cause: unknown) => (voices.get(c.req.path) ?? sendErrorPage)(c, cause)
  return app
}
