/** Protected resource metadata (RFC 9728), which tell a refused client where to get a token. */

import { SIGNATURE_ALGORITHMS } from '../crypto/client-jwt.ts'
import { isScope, SCOPE_RULE } from '../domain/scope.ts'
import { preflightHeaders } from '../protocol/preflight.ts'
import { publicUrlProblem } from '../protocol/public-url.ts'

export type ProtectedResource = Readonly<{
  /** The resource's URL (§1.2): `https://submissions.example`. */
  resource: string
  /** The issuers whose tokens are accepted here, at least one: the registry's origin. */
  authorizationServers: readonly string[]
  /** The scopes that clients may need here. */
  scopes: readonly string[]
  /** The resource's name for people. */
  name?: string
  /** A page for the client's developer. */
  documentation?: string
}>

const MAX_AGE_SECONDS = 3600
const METHODS = ['GET', 'HEAD']

/** The response to a request for the metadata, and to a browser's preflight. Throws a TypeError for wrong options. */
export function metadataOf(
  described: ProtectedResource,
): (method: string, header: (name: string) => string | null) => Response {
  const problem = misuse(described)
  if (problem) throw new TypeError(`protectedResource(): ${problem}`)

  const { resource, authorizationServers, scopes, name, documentation } = described
  const body = JSON.stringify({
    resource,
    authorization_servers: authorizationServers,
    scopes_supported: scopes,
    // RFC 6750 §2.1: a token is accepted in the header only, neither in a form (§2.2) nor in a URL (§2.3).
    bearer_methods_supported: ['header'],
    // RFC 9728 §2: DPoP is accepted as well.
    dpop_signing_alg_values_supported: SIGNATURE_ALGORITHMS,
    ...(name !== undefined && { resource_name: name }),
    ...(documentation !== undefined && { resource_documentation: documentation }),
  })
  const json = { 'Content-Type': 'application/json', 'Access-Control-Allow-Origin': '*' }

  return (method, header) => {
    if (method === 'GET' || method === 'HEAD') {
      const cached = { ...json, 'Cache-Control': `public, max-age=${MAX_AGE_SECONDS}` }
      return new Response(method === 'HEAD' ? null : body, { headers: cached })
    }
    if (method === 'OPTIONS' && header('Access-Control-Request-Method') !== null) {
      const asked = header('Access-Control-Request-Headers')
      return new Response(null, { status: 204, headers: preflightHeaders(METHODS, asked) })
    }
    const headers = { ...json, Allow: METHODS.join(', ') }
    return new Response(JSON.stringify({ error: 'invalid_request' }), { status: 405, headers })
  }
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
  return scopes.every(isScope) ? null : `a scope ${SCOPE_RULE}`
}
