/** A form body, in the one content type that the RFC knows. */

import { MAX_FORM_BYTES } from '../protocol/fields.ts'
import { readBody } from './body.ts'
import { type HttpContext, noteForm } from './request-context.ts'

const decoder = new TextDecoder()
const FORM = { contentType: 'application/x-www-form-urlencoded', maxBytes: MAX_FORM_BYTES }

/** The form. Throws as `readBody`. */
export async function readForm(c: HttpContext): Promise<URLSearchParams> {
  const form = new URLSearchParams(decoder.decode(await readBody(c, FORM)))
  noteForm(c, form)
  return form
}
