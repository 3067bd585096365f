/**
 * A service of its own behind the registry: a Worker with two routes, which asks the authenticator over a
 * service binding. In its wrangler.toml:
 *
 *     [[services]]
 *     binding = "AUTHENTICATOR"
 *     service = "authenticator"
 */

import { Hono } from 'hono'
import type { AuthenticatorBinding } from '../src/protocol/authentication.ts'
import { protectedResource } from '../src/scoped/protected-resource.ts'
import { type ScopedEnv, type ScopedOptions, scoped } from '../src/scoped/scoped.ts'

type Bindings = { AUTHENTICATOR: AuthenticatorBinding }

/** Where clients find this service, and the registry that issues its tokens. */
const RESOURCE = 'https://submissions.example'
const ISSUER = 'https://registry.example'

const OWNERS: Readonly<Record<string, string>> = { '1': 'ada', '2': 'grace' }
const ownerOf = (id: string) => (Object.hasOwn(OWNERS, id) ? OWNERS[id] : undefined)

const app = new Hono<ScopedEnv & { Bindings: Bindings }>()

/** So that a client that was refused finds out by itself where to get a token (RFC 9728). */
const METADATA_PATH = '/.well-known/oauth-protected-resource'
app.all(
  METADATA_PATH,
  protectedResource({
    resource: RESOURCE,
    authorizationServers: [ISSUER],
    scopes: ['submission:read', 'submission:create'],
    name: 'Submissions',
  }),
)
const allow = (scope: string | null, options: ScopedOptions = {}) =>
  scoped(scope, { ...options, resourceMetadata: `${RESOURCE}${METADATA_PATH}` })

/** Whoever is signed in, with whatever scopes. */
app.get('/me', allow(null), (c) => c.json({ user: c.var.session.user?.username ?? null }))

/** `submission:read:*` or `submission:read:1` reads it; with `submission:read` its owner does. */
app.get(
  '/submissions/:id',
  allow('submission:read', {
    resource: (c) => c.req.param('id'),
    authorizer: (session, id) => session.user !== null && ownerOf(id) === session.user.username,
  }),
  (c) => c.json({ id: c.req.param('id'), owner: ownerOf(c.req.param('id')) ?? null }),
)

/** Only for those endorsed for the category. */
app.post(
  '/categories/:category/submissions',
  allow('submission:create', { category: (c) => c.req.param('category') }),
  (c) => c.json({ category: c.req.param('category') }, 201),
)

export default app
