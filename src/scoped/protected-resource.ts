/** Protected resource metadata (RFC 9728): by which a client that was refused finds out whom to ask for a token. */

import type { Handler } from 'hono'
import { isScope } from '../domain/scope.ts'
import { publicUrlProblem } from '../protocol/public-url.ts'

export type ProtectedResource = Readonly<{
  /** The resource's own URL, as clients know it (§1.2): `https://submissions.example`. */
  resource: string
  /** The issuers whose tokens are good here: the registry's origin. At least one. */
  authorizationServers: readonly string[]
  /** Those that clients may need here, in the order in which they are to be told. */
  scopes: readonly string[]
  /** For people. */
  name?: string
  /** A page for the client's developer. */
  documentation?: string
}>

const MAX_AGE_SECONDS = 3600

/**
 * The handler of `GET /.well-known/oauth-protected-resource`; when `resource` has a path, that follows (§3.1).
 * Throws a TypeError at once when used wrongly.
 */
export function protectedResource(described: ProtectedResource): Handler {
  const problem = misuse(described)
  if (problem) throw new TypeError(`protectedResource(): ${problem}`)

  const { resource, authorizationServers, scopes, name, documentation } = described
  const body = {
    resource,
    authorization_servers: authorizationServers,
    scopes_supported: scopes,
    // RFC 6750 §2.1; neither in a form nor in a URL.
    bearer_methods_supported: ['header'],
    ...(name !== undefined && { resource_name: name }),
    ...(documentation !== undefined && { resource_documentation: documentation }),
  }
  return (c) =>
    c.json(body, 200, {
      'Cache-Control': `public, max-age=${MAX_AGE_SECONDS}`,
      'Access-Control-Allow-Origin': '*',
    })
}

function misuse({ resource, authorizationServers, scopes, documentation }: ProtectedResource) {
  const urls = Object.entries({
    resource,
    ...Object.fromEntries(
      authorizationServers.map((url) => [`the authorization server ${url}`, url]),
    ),
    ...(documentation !== undefined && { documentation }),
  })
  for (const [what, url] of urls) {
    const problem = publicUrlProblem(url)
    if (problem) return `${what} ${problem}`
  }
  if (authorizationServers.length === 0) return 'name at least one authorization server'
  return scopes.every(isScope) ? null : 'a scope must have the form domain:action[:resource]'
}
