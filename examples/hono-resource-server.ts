/**
 * A service behind the registry: a Worker with three routes that asks the authenticator over a service binding.
 * `npm run example:hono` runs it beside `npm start`; its bindings are in examples/wrangler.toml.
 */

import { env } from 'cloudflare:workers'
import {
  type AuthenticatorBinding,
  protectedResource,
  type ScopedEnv,
  type ScopedOptions,
  scoped,
} from 'edge-registry/hono'
import { Hono } from 'hono'
import { cors } from 'hono/cors'

type Bindings = { AUTHENTICATOR: AuthenticatorBinding }

/** Where clients find this service, and the registry that issues its tokens: `[vars]` of wrangler.toml. */
const { RESOURCE, ISSUER } = env as unknown as Readonly<{ RESOURCE: string; ISSUER: string }>

const OWNERS: Readonly<Record<string, string>> = { '1': 'ada', '2': 'grace' }
const ownerOf = (id: string) => (Object.hasOwn(OWNERS, id) ? OWNERS[id] : undefined)

const app = new Hono<ScopedEnv & { Bindings: Bindings }>()

// Before every scoped(): a browser's preflight carries no credential, so scoped() refuses it, and the page could not
// read a refusal. With a token in a header any origin may call; cookies are not for other origins.
app.use(cors({ origin: '*', exposeHeaders: ['WWW-Authenticate', 'X-Correlation-Id'] }))

/** A client that was refused finds out here where to get a token (RFC 9728). */
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

/** Any session, with any scopes. */
app.get('/me', allow(null), (c) => c.json({ user: c.var.session.user?.username ?? null }))

/** `submission:read:*` or `submission:read:1` reads submission 1; with `submission:read` its owner does. */
app.get(
  '/submissions/:id',
  allow('submission:read', {
    resource: (c) => c.req.param('id'),
    authorizer: (session, id) => session.user !== null && ownerOf(id) === session.user.username,
  }),
  (c) => c.json({ id: c.req.param('id'), owner: ownerOf(c.req.param('id')) ?? null }),
)

/** Only for those who are endorsed for the category. */
app.post(
  '/categories/:category/submissions',
  allow('submission:create', { category: (c) => c.req.param('category') }),
  (c) => c.json({ category: c.req.param('category') }, 201),
)

export default app
