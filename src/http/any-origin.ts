/** CORS (the Fetch standard): scripts of any origin may call endpoints that ignore cookies. */

import { preflightHeaders } from '../protocol/preflight.ts'

const EXPOSED = ['WWW-Authenticate', 'DPoP-Nonce', 'Retry-After', 'X-Correlation-Id'].join(',')

export function openToAnyOrigin(headers: Headers) {
  headers.set('Access-Control-Allow-Origin', '*')
  headers.set('Access-Control-Expose-Headers', EXPOSED)
}

/** Is the request a preflight? An OPTIONS request without this header is not. */
export const isPreflight = (request: Request) =>
  request.method === 'OPTIONS' && request.headers.has('Access-Control-Request-Method')

export const preflightResponse = ({ headers }: Request, methods: readonly string[]) =>
  new Response(null, {
    status: 204,
    headers: preflightHeaders(methods, headers.get('Access-Control-Request-Headers')),
  })
