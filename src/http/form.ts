/** A form body: of bounded size, in the one content type that the RFC knows. */

import type { Context } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { quoted } from '../protocol/callers-words.ts'
import { OAuthError } from '../protocol/errors.ts'
import { noteForm } from './explain.ts'

export const MAX_BODY_BYTES = 16 * 1024

/** Refuses with 413, and stops reading at the limit whatever Content-Length says. */
export const limitBody = bodyLimit({
  maxSize: MAX_BODY_BYTES,
  onError: () => {
    throw new OAuthError('invalid_request', `The body is longer than ${MAX_BODY_BYTES} bytes.`, {
      status: 413,
    })
  },
})

/** Throws `invalid_request` with 415 for another content type. */
export async function readForm(c: Context): Promise<URLSearchParams> {
  const [type = ''] = (c.req.header('Content-Type') ?? '').split(';')
  if (type.trim().toLowerCase() === 'application/x-www-form-urlencoded') {
    const pairs = new URLSearchParams(new TextDecoder().decode(await c.req.arrayBuffer()))
    noteForm(c, pairs)
    return pairs
  }
  throw new OAuthError(
    'invalid_request',
    'The Content-Type must be application/x-www-form-urlencoded.',
    { status: 415, detail: `Content-Type ${quoted(type)}` },
  )
}
