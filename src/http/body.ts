/** Reads a body: of bounded size, in bounded time, of one content type. */

import { bodyLimit } from 'hono/body-limit'
import { within } from '../deadline.ts'
import { OAuthError } from '../protocol/errors.ts'
import { formPairs, MAX_FORM_BYTES, type Pairs } from '../protocol/fields.ts'
import { quoted } from '../protocol/sanitize.ts'
import { type HttpContext, noteForm } from './request-context.ts'

/** The time is enough for a form on a slow connection. */
const MAX_BODY_SECONDS = 10

type BodyRules = Readonly<{
  contentType: string
  maxBytes: number
}>

const tooLong = (maxBytes: number) =>
  new OAuthError('invalid_request', `The body is longer than ${maxBytes} bytes.`, { status: 413 })

/** A declared length is exact, because HTTP frames the body by it. If no length is declared, reading stops at the limit. */
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
  // `text()` is not used: workerd would warn about each form because its content type is not a text type.
  if (type.trim().toLowerCase() === contentType) return c.req.raw.arrayBuffer()
  throw new OAuthError('invalid_request', `The Content-Type must be ${contentType}.`, {
    status: 415,
    detail: `Content-Type ${quoted(type)}`,
  })
}

/** Throws `invalid_request`: 408 if the body is too slow, 413 if it is too long, 415 if it has another content type. */
export const readBody = (c: HttpContext, rules: BodyRules): Promise<ArrayBuffer> => {
  const tooSlow = () =>
    new OAuthError('invalid_request', `The body did not arrive within ${MAX_BODY_SECONDS} s.`, {
      status: 408,
    })
  return within(MAX_BODY_SECONDS, () => read(c, rules), tooSlow)
}

const decoder = new TextDecoder()
const FORM = 'application/x-www-form-urlencoded'

/** The fields of a form. Throws the same errors as `readBody`. */
export async function readForm(c: HttpContext, maxBytes = MAX_FORM_BYTES): Promise<Pairs> {
  const form = formPairs(decoder.decode(await readBody(c, { contentType: FORM, maxBytes })))
  noteForm(c, form)
  return form
}
