/** Protected resource metadata (RFC 9728), from which a refused client learns where to get a token. */

import type { Handler } from 'hono'
import { SIGNATURE_ALGORITHMS } from '../crypto/signature-algorithms.ts'
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

/**
 * The handler of `/.well-known/oauth-protected-resource`, followed by the path of `resource` if it has one (§3.1). Mount it
 * with `app.all`, so that it also answers a browser's preflight. Throws a TypeError for bad options.
 */
export function protectedResource(described: ProtectedResource): Handler {
  const problem = misuse(described)
  if (problem) throw new TypeError(`protectedResource(): ${problem}`)

  const { resource, authorizationServers, scopes, name, documentation } = described
  const body = {
    resource,
    authorization_servers: authorizationServers,
    scopes_supported: scopes,
    // RFC 6750 §2.1: not in a form (§2.2) and not in a URL (§2.3).
    bearer_methods_supported: ['header'],
    // §2: DPoP is understood as well.
    dpop_signing_alg_values_supported: SIGNATURE_ALGORITHMS,
    ...(name !== undefined && { resource_name: name }),
    ...(documentation !== undefined && { resource_documentation: documentation }),
  }
  return (c) => {
    const { method, headers } = c.req.raw
    if (method === 'GET' || method === 'HEAD') {
      return c.json(body, 200, {
        'Cache-Control': `public, max-age=${MAX_AGE_SECONDS}`,
        'Access-Control-Allow-Origin': '*',
      })
    }
    if (method === 'OPTIONS' && headers.has('Access-Control-Request-Method')) {
      const asked = headers.get('Access-Control-Request-Headers')
      return c.body(null, 204, preflightHeaders(METHODS, asked))
    }
    return c.json({ error: 'invalid_request' }, 405, {
      Allow: METHODS.join(', '),
      'Access-Control-Allow-Origin': '*',
    })
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
