/** Lists page by page: `limit` and `after` in the query, `items` and `next` in the response. */

import * as z from 'zod/mini'
import { maybe, parameterAs } from './openapi/schemas.ts'

const DEFAULT_ROWS = 50
/** The most rows that fit into one response of D1: a client may have 12 KiB. */
const MAX_ROWS = 200

const rule = `{field} must be a whole number from 1 to ${MAX_ROWS}`

const Limit = parameterAs(
  { type: 'integer', minimum: 1, maximum: MAX_ROWS, default: DEFAULT_ROWS },
  z._default(
    z.pipe(
      z.pipe(z.string().check(z.regex(/^\d{1,3}$/, rule)), z.transform(Number)),
      z.int().check(z.minimum(1, rule), z.maximum(MAX_ROWS, rule)),
    ),
    String(DEFAULT_ROWS) as never,
  ),
)

/** The parameters of every list. */
export const PAGE = {
  limit: Limit,
  after: maybe('next of the page before'),
}

/** `items`, and `next`: the cursor of the next page, null after the last page. The parameter `next` is an example. */
export const pageResponse = (
  description: string,
  item: z.core.$ZodType,
  example: object,
  next: string | null = null,
) => ({
  200: {
    description,
    schema: z.strictObject({ items: z.array(item), next: z.nullable(z.string()) }),
    example: { items: [example], next },
  },
})

/** Where the page after these rows begins. A full page is followed by another, which may be empty. */
export function nextOf<Row>(
  rows: readonly Row[],
  limit: number,
  cursorOf: (row: Row) => string,
): string | null {
  const last = rows.at(-1)
  return rows.length === limit && last !== undefined ? cursorOf(last) : null
}
