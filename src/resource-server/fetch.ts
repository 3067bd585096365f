/** The adapter for anything that takes a `Request`: Workers, Deno, Bun, Node.js with an adapter. */

import type { SessionRecord } from '../domain/session.ts'
import type { AuthenticatorBinding } from '../protocol/authentication.ts'
import { decider, type ScopedOptions as OptionsFor, type Required } from './decide.ts'
import { metadataOf, type ProtectedResource } from './metadata.ts'

export { authenticatorKeys } from './authenticator-keys.ts'
export { type IntrospectionOptions, introspection } from './introspection.ts'
export { type KeySetOptions, keySet } from './key-set.ts'
export type { AuthenticatorBinding, ProtectedResource, SessionRecord }

/** What the functions among the options get. */
export type FetchContext<Env = unknown> = Readonly<{
  request: Request
  /** What the platform passed after the request: the bindings of a Worker. */
  env: Env
}>

export type ScopedOptions<Env = unknown> = OptionsFor<FetchContext<Env>>

/** `Rest` is what the platform passes after the request: `env, ctx` in a Worker. */
type Protected<Rest extends readonly unknown[]> = (
  request: Request,
  ...rest: Rest
) => Promise<Response>
type ScopedHandler<Rest extends readonly unknown[]> = (
  request: Request,
  session: SessionRecord,
  ...rest: Rest
) => Response | Promise<Response>

const boundTo = ({ env }: FetchContext) =>
  (Object(env) as { AUTHENTICATOR?: AuthenticatorBinding }).AUTHENTICATOR

/**
 * Returns what protects a handler: the handler runs only for a session that holds every one of the scopes, and gets it
 * after the request; `scoped(null)` requires any session. Responds with 401, 403 or 503 (a fault). The challenge of a 401 or
 * 403 names all the scopes. Throws a TypeError for wrong options.
 *
 * @example const handle = scoped('files:read', { audience, check })((request, session) => new Response(session.user?.username))
 */
export function scoped<Env = unknown>(required: Required, options: ScopedOptions<Env> = {}) {
  const decide = decider<FetchContext<Env>>(required, options, boundTo)

  return function protect<Rest extends readonly unknown[]>(
    handler: ScopedHandler<Rest>,
  ): Protected<Rest> {
    return async (request, ...rest) => {
      const { method, url, headers } = request
      const asked = { method, url, header: (name: string) => headers.get(name), request }
      const decision = await decide(asked, { request, env: rest[0] as Env })
      return decision.kind === 'refused'
        ? decision.response
        : handler(request, decision.session, ...rest)
    }
  }
}

/**
 * Answers at `/.well-known/oauth-protected-resource`, followed by the path of `resource` if it has one (RFC 9728 §3.1), also
 * a browser's preflight. Throws a TypeError for wrong options.
 *
 * @example
 * const metadata = { resource: 'https://files.example', authorizationServers: ['https://auth.example.org'], scopes: ['files:read'] }
 * const handle = protectedResource(metadata)
 */
export function protectedResource(described: ProtectedResource): (request: Request) => Response {
  const respond = metadataOf(described)
  return ({ method, headers }) => respond(method, (name) => headers.get(name))
}
