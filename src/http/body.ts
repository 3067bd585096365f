/** A body: of bounded size, in bounded time, of one content type. */

import { bodyLimit } from 'hono/body-limit'
import { within } from '../deadline.ts'
import { OAuthError } from '../protocol/errors.ts'
import { formPairs, MAX_FORM_BYTES, type Pairs } from '../protocol/fields.ts'
import { quoted } from '../protocol/sanitize.ts'
import { type HttpContext, noteForm } from './request-context.ts'

/** Enough for a form on any line. */
const MAX_BODY_SECONDS = 10

type BodyRules = Readonly<{
  contentType: string
  maxBytes: number
}>

const tooLong = (maxBytes: number) =>
  new OAuthError('invalid_request', `The body is longer than ${maxBytes} bytes.`, { status: 413 })

/** A declared length is exact, because HTTP frames the body by it. Without one, reading stops at the limit. */
async function refuseTooLong(c: HttpContext, headers: Headers, maxBytes: number) {
  const declared = headers.get('Content-Length')
  if (declared !== null && !headers.has('Transfer-Encoding')) {
    if (Number(declared) > maxBytes) throw tooLong(maxBytes)
    return
  }
  const onError = () => {
    throw tooLong(maxBytes)
  }
  await bodyLimit({ maxSize: maxBytes, onError })(c, async () => {})
}

async function read(c: HttpContext, { contentType, maxBytes }: BodyRules): Promise<ArrayBuffer> {
  const { headers } = c.req.raw
  await refuseTooLong(c, headers, maxBytes)
  const type = (headers.get('Content-Type') ?? '').replace(/;.*$/s, '')
  // Not `text()`: workerd would warn about each form that it does not look like text.
  if (type.trim().toLowerCase() === contentType) return c.req.raw.arrayBuffer()
  throw new OAuthError('invalid_request', `The Content-Type must be ${contentType}.`, {
    status: 415,
    detail: `Content-Type ${quoted(type)}`,
  })
}

/** Throws `invalid_request`: 408 when the body is too slow, 413 when it is too long, 415 for another content type. */
export const readBody = (c: HttpContext, rules: BodyRules): Promise<ArrayBuffer> => {
  const tooSlow = () =>
    new OAuthError('invalid_request', `The body did not arrive within ${MAX_BODY_SECONDS} s.`, {
      status: 408,
    })
  return within(MAX_BODY_SECONDS, () => read(c, rules), tooSlow)
}

const decoder = new TextDecoder()
const FORM = 'application/x-www-form-urlencoded'

/** The fields of a form. Throws as `readBody`. */
export async function readForm(c: HttpContext, maxBytes = MAX_FORM_BYTES): Promise<Pairs> {
  const form = formPairs(decoder.decode(await readBody(c, { contentType: FORM, maxBytes })))
  noteForm(c, form)
  return form
}
