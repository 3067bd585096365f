/** The adapter for Hono: the middleware `scoped()` and the handler `protectedResource()`. */

import type { Context, Handler, MiddlewareHandler } from 'hono'
import type { SessionRecord } from '../domain/session.ts'
import { decider, type ScopedOptions as OptionsFor, type Required } from './decide.ts'
import { metadataOf, type ProtectedResource } from './metadata.ts'

export type { AuthenticatorBinding } from '../protocol/authentication.ts'
export { authenticatorKeys } from './authenticator-keys.ts'
export { type IntrospectionOptions, introspection } from './introspection.ts'
export { type KeySetOptions, keySet } from './key-set.ts'
export type { ProtectedResource, SessionRecord }

/** The type of the environment: `new Hono<ScopedEnv>()`. */
export type ScopedEnv = { Variables: { session: SessionRecord } }

export type ScopedOptions = OptionsFor<Context>

/**
 * Requires all of the scopes; `scoped(null)` requires any session, which the route finds in `c.var.session`. Responds
 * with 401, 403 or 503 (a fault). The challenge of a 401 or 403 names all the scopes. Throws a TypeError for wrong options.
 *
 * @example scoped('files:read', { audience: 'https://files.example' })
 * @example scoped('submission:read', { resource: (c) => c.req.param('id'), authorizer: owns })
 * @example scoped(['submission:read', 'submission:create'])
 */
export function scoped(
  required: Required,
  options: ScopedOptions = {},
): MiddlewareHandler<ScopedEnv> {
  const decide = decider<Context>(required, options, (c) => c.env?.AUTHENTICATOR)

  return async function requireScope(c, next) {
    const { raw } = c.req
    const decision = await decide(
      {
        method: raw.method,
        url: raw.url,
        header: (name) => raw.headers.get(name),
        // Another middleware may replace `raw`.
        request: c.req,
      },
      c,
    )
    if (decision.kind === 'refused') return decision.response
    c.set('session', decision.session)
    return next()
  }
}

/**
 * The handler of `/.well-known/oauth-protected-resource`, followed by the path of `resource` if it has one (RFC 9728 §3.1).
 * Mount it with `app.all`, so that it also answers a browser's preflight. Throws a TypeError for wrong options.
 *
 * @example
 * const metadata = { resource: 'https://files.example', authorizationServers: ['https://auth.example.org'], scopes: ['files:read'] }
 * app.all('/.well-known/oauth-protected-resource', protectedResource(metadata))
 */
export function protectedResource(described: ProtectedResource): Handler {
  const respond = metadataOf(described)
  return (c) => respond(c.req.method, (name) => c.req.raw.headers.get(name))
}
