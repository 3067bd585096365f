/** `ETag` and `If-Match` (RFC 9110 §8.8.3, §13.1.1): a change names the version that it was decided on. */

import { Problem } from '../protocol/problem.ts'

/** Null: the caller accepts any version (`*`). */
export type IfMatch = Readonly<{ version: number | null }>

/** For an operation that needs none. */
export const ANY_VERSION: IfMatch = { version: null }

/**
 * `W/` is accepted although §13.1.1 asks for a strong comparison: Cloudflare weakens the ETag of a response that it
 * compresses, and the version that the tag names is the same.
 */
const TAG = /^(?:W\/)?"v(\d{1,15})"$/

export const etagOf = (version: number) => `"v${version}"`

/** Throws 428 for a missing header and 400 for any other form. */
export function readIfMatch(header: string | undefined): IfMatch {
  if (header === undefined) {
    throw new Problem(
      'precondition_required',
      'A change needs If-Match: the ETag of the record as you read it, or * for any.',
      { field: 'If-Match' },
    )
  }
  const text = header.trim()
  if (text === '*') return ANY_VERSION
  const [, digits] = TAG.exec(text) ?? []
  if (digits !== undefined) return { version: Number(digits) }
  throw new Problem('invalid_request', 'If-Match must be one ETag of this API, or *.', {
    field: 'If-Match',
  })
}
