/** CORS (the Fetch standard): scripts of any origin may call, and no cookie of ours ever helps them. */

import type { Context } from 'hono'
import { cors } from 'hono/cors'

const MAX_AGE_SECONDS = 3600
const READABLE = ['WWW-Authenticate', 'DPoP-Nonce', 'Retry-After', 'X-Correlation-Id']
const EXPOSED = READABLE.join(',')

/** Lets a script of any origin read this answer. */
export function openToAnyOrigin(headers: Headers) {
  headers.set('Access-Control-Allow-Origin', '*')
  headers.set('Access-Control-Expose-Headers', EXPOSED)
}

/** Any other OPTIONS is no preflight. */
export const isPreflight = (request: Request) =>
  request.method === 'OPTIONS' && request.headers.has('Access-Control-Request-Method')

export function preflight(allowMethods: string[]) {
  const allow = cors({
    origin: '*',
    allowMethods,
    allowHeaders: ['Authorization', 'Content-Type', 'DPoP'],
    exposeHeaders: READABLE,
    maxAge: MAX_AGE_SECONDS,
  })
  // Of a preflight the answer is its own: what would come next is never called.
  return (c: Context) => allow(c, async () => {}) as Promise<Response>
}
