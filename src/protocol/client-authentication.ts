/** How a client says who it is (RFC 6749 §2.3.1, RFC 7591 §2): the presented id, method and secret. */

import type { AuthMethod } from '../domain/client.ts'
import { OAuthError } from './errors.ts'
import type { Fields } from './fields.ts'

export type PresentedClient = Readonly<{
  clientId: string
  method: AuthMethod
  /** Null for `none`. */
  secret: string | null
}>

/** One answer to every cause, so that it tells nothing of which clients exist or how they are registered. */
export const invalidClient = (detail: string) =>
  new OAuthError('invalid_client', 'Client authentication failed.', { detail })

const formDecode = (text: string) => decodeURIComponent(text.replaceAll('+', ' '))

/** RFC 6749 §2.3.1: id and secret are form-encoded before they are joined by a colon. */
function readBasic(authorization: string): { clientId: string; secret: string } {
  const [, encoded] = /^basic +([A-Za-z0-9+/]+=*)$/i.exec(authorization) ?? []
  if (!encoded) throw invalidClient('the Authorization header is not Basic credentials')
  try {
    const bytes = Uint8Array.from(atob(encoded), (char) => char.charCodeAt(0))
    const pair = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    const colon = pair.indexOf(':')
    if (colon > 0) {
      return {
        clientId: formDecode(pair.slice(0, colon)),
        secret: formDecode(pair.slice(colon + 1)),
      }
    }
  } catch {
    // Not base64, not UTF-8 or not form-encoded: the same fault for the caller.
  }
  throw invalidClient('the Basic credentials are malformed')
}

/** Throws `invalid_client` when there is no method, or more than one: §2.3 forbids that. */
export function readClientAuthentication(
  fields: Fields,
  authorization: string | undefined,
): PresentedClient {
  const clientId = fields.get('client_id')
  const secret = fields.get('client_secret')
  if (authorization !== undefined) {
    const basic = readBasic(authorization)
    if (secret !== undefined) throw invalidClient('two methods of client authentication at once')
    if (clientId !== undefined && clientId !== basic.clientId) {
      throw invalidClient('client_id differs from the Basic credentials')
    }
    return { ...basic, method: 'client_secret_basic' }
  }
  if (clientId === undefined) throw invalidClient('no client_id')
  return secret === undefined
    ? { clientId, method: 'none', secret: null }
    : { clientId, method: 'client_secret_post', secret }
}
