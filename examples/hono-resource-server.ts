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

/** The URL of this service, and the registry that issues its tokens: `[vars]` of wrangler.toml. */
const { RESOURCE, ISSUER } = env as unknown as Readonly<{ RESOURCE: string; ISSUER: string }>

const OWNERS: Readonly<Record<string, string>> = { '1': 'ada', '2': 'grace' }
const ownerOf = (id: string) => (Object.hasOwn(OWNERS, id) ? OWNERS[id] : undefined)

const app = new Hono<ScopedEnv & { Bindings: Bindings }>()

// Before every scoped(), because scoped() would refuse a browser's preflight, which has no credential. Any origin may call
// with a token in a header. Cookies do not work from other origins.
app.use(cors({ origin: '*', exposeHeaders: ['WWW-Authenticate', 'X-Correlation-Id'] }))

/** Tells a refused client where to get a token (RFC 9728). */
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

/** `submission:read:*` and `submission:read:1` allow submission 1. `submission:read` allows it to its owner. */
app.get(
  '/submissions/:id',
  allow('submission:read', {
    resource: (c) => c.req.param('id'),
    authorizer: (session, id) => session.user !== null && ownerOf(id) === session.user.username,
  }),
  (c) => c.json({ id: c.req.param('id'), owner: ownerOf(c.req.param('id')) ?? null }),
)

/** Only for users who are endorsed for the category. */
app.post(
  '/categories/:category/submissions',
  allow('submission:create', { category: (c) => c.req.param('category') }),
  (c) => c.json({ category: c.req.param('category') }, 201),
)

export default app
