/** A form body: of bounded size, in bounded time, in the one content type that the RFC knows. */

import { bodyLimit } from 'hono/body-limit'
import { within } from '../deadline.ts'
import { OAuthError } from '../protocol/errors.ts'
import { MAX_FORM_BYTES } from '../protocol/fields.ts'
import { quoted } from '../protocol/sanitize.ts'
import { type HttpContext, noteForm } from './request-context.ts'

/** Enough for a body of that size on any line. */
const MAX_BODY_SECONDS = 10

const decoder = new TextDecoder()

const tooLong = () =>
  new OAuthError('invalid_request', `The body is longer than ${MAX_FORM_BYTES} bytes.`, {
    status: 413,
  })

/** Stops reading at the limit. */
const limitUndeclared = bodyLimit({
  maxSize: MAX_FORM_BYTES,
  onError: () => {
    throw tooLong()
  },
})

/** A declared length is the length: HTTP frames the body by it. */
async function refuseTooLong(c: HttpContext) {
  const { headers } = c.req.raw
  const declared = headers.get('Content-Length')
  if (declared === null || headers.has('Transfer-Encoding'))
    await limitUndeclared(c, async () => {})
  else if (Number(declared) > MAX_FORM_BYTES) throw tooLong()
}

async function read(c: HttpContext): Promise<URLSearchParams> {
  await refuseTooLong(c)
  const type = (c.req.header('Content-Type') ?? '').replace(/;.*$/s, '')
  if (type.trim().toLowerCase() === 'application/x-www-form-urlencoded') {
    // Not `text()`: workerd would warn about each form that it does not look like text.
    const form = new URLSearchParams(decoder.decode(await c.req.raw.arrayBuffer()))
    noteForm(c, form)
    return form
  }
  throw new OAuthError(
    'invalid_request',
    'The Content-Type must be application/x-www-form-urlencoded.',
    { status: 415, detail: `Content-Type ${quoted(type)}` },
  )
}

const tooSlow = () =>
  new OAuthError('invalid_request', `The body did not arrive within ${MAX_BODY_SECONDS} s.`, {
    status: 408,
  })

/**
 * The form. Throws `invalid_request`: 408 when the body is too slow, 413 when it is too long, 415 for another content
 * type.
 */
export const readForm = (c: HttpContext): Promise<URLSearchParams> =>
  within(MAX_BODY_SECONDS, () => read(c), tooSlow)
