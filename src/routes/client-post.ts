/** What the endpoints for clients share: a form without repeated parameters, and the refusal of floods of wrong secrets. */

import { readForm } from '../http/body.ts'
import { refuseFlood } from '../http/flood.ts'
import type { Handled } from '../http/frame.ts'
import { claimedClientOf, type HttpContext } from '../http/request-context.ts'
import { OAuthError } from '../protocol/errors.ts'
import { type Fields, readFields } from '../protocol/fields.ts'
import type { Handler, RouteDeps } from './endpoint.ts'

/** RFC 6749 §2.3.1: these parameters MUST NOT be in the URI, because URIs are logged and kept in histories. */
const SECRET_FIELDS = [
  'client_secret',
  'client_assertion',
  'code',
  'code_verifier',
  'refresh_token',
  'token',
]

function refuseSecretsInUrl(url: string) {
  if (!url.includes('?')) return
  const query = new URL(url).searchParams
  if (!SECRET_FIELDS.some((name) => query.has(name))) return
  throw new OAuthError('invalid_request', 'A credential must not be part of the URL.')
}

export const clientPost =
  (handle: (c: HttpContext, fields: Fields, deps: RouteDeps) => Promise<Handled>): Handler =>
  async (c, deps) => {
    refuseSecretsInUrl(c.req.url)
    const fields = readFields(await readForm(c))
    try {
      return await handle(c, fields, deps)
    } catch (cause) {
      // Only failures are counted, so that a client's own successful requests never slow it down.
      const failedAuthentication = cause instanceof OAuthError && cause.code === 'invalid_client'
      if (failedAuthentication) await refuseFlood(c, deps.refusalLimit, claimedClientOf(c))
      throw cause
    }
  }
