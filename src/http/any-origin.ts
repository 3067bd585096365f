/** CORS (the Fetch standard): scripts of any origin may call, and no cookie of ours ever helps them. */

import type { MiddlewareHandler } from 'hono'
import { cors } from 'hono/cors'

const MAX_AGE_SECONDS = 3600

/** Only a real preflight is answered: any other OPTIONS goes on, to be told which methods there are. */
export function allowAnyOrigin(allowMethods: string[]): MiddlewareHandler {
  const allow = cors({
    origin: '*',
    allowMethods,
    allowHeaders: ['Authorization', 'Content-Type', 'DPoP'],
    exposeHeaders: ['WWW-Authenticate', 'DPoP-Nonce', 'Retry-After', 'X-Correlation-Id'],
    maxAge: MAX_AGE_SECONDS,
  })
  return async function allowAnyOrigin(c, next) {
    const isPreflight = c.req.header('Access-Control-Request-Method') !== undefined
    return c.req.method === 'OPTIONS' && !isPreflight ? next() : allow(c, next)
  }
}
