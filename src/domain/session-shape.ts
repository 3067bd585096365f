/**
 * Checks whether a value is a session record. An external accounts service may have written it. The code has no library for
 * this, because a library would be a quarter of the authenticator's size.
 */

import { isEndorsement, withoutCovered } from './category.ts'
import { isScope } from './scope.ts'
import type { SessionRecord } from './session.ts'

/** The offset from UTC is required: without one, the moment depends on the reader's time zone. */
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/

type Check = (value: unknown) => unknown

/** Returns a copy of the value. Throws a TypeError if the value is malformed. */
const only =
  (isRight: (value: never) => boolean, type: string): Check =>
  (value) => {
    if (typeof value === type && isRight(value as never)) return value
    throw new TypeError(`not a ${type} of the right form`)
  }

const text = only(() => true, 'string')
const name = only((value: string) => value !== '', 'string')
const finite = only(Number.isFinite, 'number')
const instant = only(
  (value: string) => INSTANT.test(value) && !Number.isNaN(Date.parse(value)),
  'string',
)

const listOf =
  (item: Check): Check =>
  (value) => {
    if (Array.isArray(value)) return value.map(item)
    throw new TypeError('not a list')
  }

const nullable =
  (check: Check): Check =>
  (value) =>
    value === null ? null : check(value)

/** Copies these fields and no others; those in `optional` may be absent. */
function record(fields: Readonly<Record<string, Check>>, optional: readonly string[] = []): Check {
  const expected = Object.entries(fields)
  return (value) => {
    if (typeof value !== 'object' || value === null) throw new TypeError('not an object')
    const found = value as Record<string, unknown>
    const copy: Record<string, unknown> = {}
    for (const [field, check] of expected) {
      if (optional.includes(field) && !Object.hasOwn(found, field)) continue
      copy[field] = check(found[field])
    }
    return copy
  }
}

/** The audience is absent in records that are older than audiences, and in those of an external accounts service. */
const audience: Check = (value) => (value === undefined ? [] : listOf(name)(value))
const endorsements = listOf(only(isEndorsement, 'string'))

const session = record(
  {
    session_id: name,
    start_time: instant,
    end_time: instant,
    user: nullable(record({ user_id: name, username: text, email: text })),
    client: nullable(
      record({
        client_id: name,
        owner_id: text,
        name: text,
        url: text,
        description: text,
        redirect_uri: text,
      }),
    ),
    authorizations: record({
      classic: finite,
      scopes: listOf(only(isScope, 'string')),
      endorsements: (value) => withoutCovered(endorsements(value) as string[]),
    }),
    audience,
    ip_address: text,
    remote_host: text,
    nonce: text,
    cnf: record({ jkt: name }),
    as_of: instant,
    client_as_of: instant,
  },
  ['cnf', 'as_of', 'client_as_of'],
)

/** A copy with the known fields and no others; null if a field is missing or malformed. */
export function readSession(value: unknown): SessionRecord | null {
  try {
    return session(value) as SessionRecord
  } catch {
    return null
  }
}
