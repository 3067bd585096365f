/** Is this a session record? What others may have written is checked before anyone relies on it. */

import * as z from 'zod/mini'
import { isEndorsement } from './category.ts'
import { isScope } from './scope.ts'
import type { SessionRecord } from './session.ts'

/** With its offset from UTC: without one the moment depends on who reads it. */
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/
const isInstant = (text: string) => INSTANT.test(text) && !Number.isNaN(Date.parse(text))

const text = z.string()
const name = z.string().check(z.minLength(1))
const instant = z.string().check(z.refine(isInstant))

const Session = z.object({
  session_id: name,
  start_time: instant,
  end_time: instant,
  user: z.nullable(z.object({ user_id: name, username: text, email: text })),
  client: z.nullable(
    z.object({
      client_id: name,
      owner_id: text,
      name: text,
      url: text,
      description: text,
      redirect_uri: text,
    }),
  ),
  authorizations: z.object({
    classic: z.number(),
    // Of the right form each: `submission:*` would otherwise cover every action.
    scopes: z.array(z.string().check(z.refine(isScope))),
    endorsements: z.array(z.string().check(z.refine(isEndorsement))),
  }),
  ip_address: text,
  remote_host: text,
  nonce: text,
  cnf: z.exactOptional(z.object({ jkt: name })),
})

/** A copy with the known fields and no others; null if any is missing or of the wrong form. */
export function readSession(value: unknown): SessionRecord | null {
  const read = Session.safeParse(value)
  return read.success ? read.data : null
}
