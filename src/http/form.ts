/** A form body: of bounded size, in bounded time, in the one content type that the RFC knows. */

import type { Context } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { quoted } from '../protocol/callers-words.ts'
import { OAuthError } from '../protocol/errors.ts'
import { noteForm } from './explain.ts'

export const MAX_BODY_BYTES = 16 * 1024
/** For a body of that size no line is too slow. */
const MAX_BODY_SECONDS = 10

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
async function read(c: Context): Promise<URLSearchParams> {
  const type = (c.req.header('Content-Type') ?? '').replace(/;.*$/s, '')
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

const tooSlow = () =>
  new OAuthError('invalid_request', `The body did not arrive within ${MAX_BODY_SECONDS} s.`, {
    status: 408,
  })

/** The form; throws `invalid_request` with 408 when its sender lets us wait, with 415 for another content type. */
export async function readForm(c: Context): Promise<URLSearchParams> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(tooSlow()), MAX_BODY_SECONDS * 1000)
  })
  try {
    return await Promise.race([read(c), deadline])
  } finally {
    clearTimeout(timer)
  }
}
