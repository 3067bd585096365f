/** Services of every kind, with the strictest settings. */

import * as forExpress from 'edge-registry/express'
import * as forFetch from 'edge-registry/fetch'
import { type ScopedEnv, type SessionRecord, scoped } from 'edge-registry/hono'
import express from 'express'
import { Hono } from 'hono'

const issuer = 'https://auth.example'
const audience = 'https://files.example'
const owns = (session: SessionRecord, id: string) => session.user?.user_id === id

const hono = new Hono<ScopedEnv & { Bindings: { AUTHENTICATOR: forFetch.AuthenticatorBinding } }>()
hono.get(
  '/files/:id',
  scoped('files:read', {
    audience,
    resource: (c) => c.req.param('id'),
    authorizer: owns,
    authenticator: (c) => c.env.AUTHENTICATOR,
  }),
  (c) => c.json({ reader: c.var.session.user?.user_id ?? null }),
)

type Env = { AUTH: forFetch.AuthenticatorBinding }
export const worker = {
  fetch: forFetch.scoped<Env>('files:read', { audience, authenticator: ({ env }) => env.AUTH })(
    (request, session, env: Env, ctx: { waitUntil(work: Promise<unknown>): void }) => {
      ctx.waitUntil(env.AUTH.authenticate({ authorization: null }))
      return Response.json({ url: request.url, scopes: session.authorizations.scopes })
    },
  ),
}
export const handler: (request: Request) => Promise<Response> = forFetch.scoped(null, {
  audience,
  check: forFetch.keySet({ issuer }),
})(() => new Response())

const app = express()
const check = forExpress.introspection({ issuer, clientId: 'api', clientSecret: 'secret' })
app.get(
  '/files/:id',
  forExpress.scoped('files:read', {
    audience,
    check,
    resource: (req: express.Request<{ id: string }>) => req.params.id,
    authorizer: owns,
  }),
  (req, res) => {
    res.json({ id: req.params.id, session: res.locals.session })
  },
)
app.all(
  '/metadata',
  forExpress.protectedResource({ resource: audience, authorizationServers: [issuer], scopes: [] }),
)
app.use(forExpress.scoped(null, { check }))

// @ts-expect-error: an option that does not exist
scoped('files:read', { audiense: audience })
// @ts-expect-error: a secret and a key
forFetch.introspection({ issuer, clientId: 'api', clientSecret: 'secret', privateKey: {} })
// @ts-expect-error: no credential
forFetch.introspection({ issuer, clientId: 'api' })
