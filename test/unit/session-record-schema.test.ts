/** docs/session-record.schema.json, for other programs that write sessions, accepts the same records as the registry. */

import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { readSession } from '../../src/domain/session-shape.ts'
import { inProject } from '../../src/local/project.ts'

const text = readFileSync(inProject('docs/session-record.schema.json'), 'utf8')
const schema = JSON.parse(text) as { examples: unknown[] } & Record<string, unknown>
const bySchema = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0])

const acceptedBySchema = (value: unknown) => bySchema.safeParse(value).success
/** A browser session has a user and no client. */
function acceptedByRegistry(value: unknown) {
  const record = readSession(value)
  return record !== null && record.user !== null && record.client === null
}
/** The registry's verdict on the value as KV stores it. */
function agree(given: unknown) {
  const value: unknown = JSON.parse(JSON.stringify(given))
  const verdict = acceptedBySchema(value)
  expect([value, verdict]).toEqual([value, acceptedByRegistry(value)])
  return verdict
}

const example = () => structuredClone(schema.examples[0]) as Record<string, unknown>

/** Every member of the example, by its path. */
function pathsIn(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path]
  return [path, ...Object.entries(value).flatMap(([name, one]) => pathsIn(one, [...path, name]))]
}
const PATHS = pathsIn(schema.examples[0]).filter((path) => path.length > 0)

/** The example with `change` made to the object or list that holds the member. */
function changed(path: readonly string[], change: (holder: Record<string, unknown>) => void) {
  const record = example()
  let holder = record
  for (const name of path.slice(0, -1)) holder = holder[name] as Record<string, unknown>
  change(holder)
  return record
}
const lastOf = (path: readonly string[]) => path.at(-1) ?? ''

const INSTANTS = [
  '2026-01-01T00:00:00Z',
  '2026-01-01T00:00:00.123456789+05:30',
  '2026-12-31T23:59:59-23:59',
  '2026-01-01',
  '2026-01-01T00:00:00',
  '2026-13-01T00:00:00Z',
  '2026-00-01T00:00:00Z',
  '2026-01-32T00:00:00Z',
  '2026-01-01T25:00:00Z',
  '2026-01-01T00:60:00Z',
  '2026-01-01 00:00:00Z',
  'Thu, 01 Jan 2026 00:00:00 GMT',
  ' 2026-01-01T00:00:00Z',
]
const SCOPES = [
  'a:b',
  'a:b:c',
  'a:b:*',
  'a:*',
  '*:*',
  'a',
  'A:b',
  'a:b:',
  'a:b c',
  `a:${'b'.repeat(255)}`,
]
const ENDORSEMENTS = [
  'cs.DL',
  'cs.*',
  '*.*',
  'hep-th',
  '*',
  'CS.DL',
  'cs.',
  `a.${'b'.repeat(63)}`,
  '',
]
const OTHERS = [null, undefined, '', 'x', 0, -1, 1.5, true, [], {}, [null], { a: 1 }]
const JUNK: readonly unknown[] = [...OTHERS, ...INSTANTS, ...SCOPES, ...ENDORSEMENTS]

describe('the schema of a browser session', () => {
  it('the schema of a browser session has an example that the registry accepts', () => {
    expect(agree(example())).toBe(true)
  })

  it.each(PATHS.map((path) => [path.join('.'), path] as const))(
    'the schema of a browser session agrees with the registry when %s is absent or has another value',
    (_, path) => {
      agree(changed(path, (holder) => delete holder[lastOf(path)]))
      const verdicts = JUNK.map((value) =>
        agree(changed(path, (holder) => Object.assign(holder, { [lastOf(path)]: value }))),
      )
      // Control: at least one value is wrong at every place.
      expect(verdicts).toContain(false)
    },
  )

  it('the schema of a browser session agrees with the registry on several changes at once and on further members', () => {
    const change = fc.tuple(
      fc.constantFrom(...PATHS),
      fc.oneof(fc.constantFrom(...JUNK), fc.jsonValue()),
    )
    fc.assert(
      fc.property(fc.array(change, { maxLength: 3 }), fc.jsonValue(), (changes, more) => {
        const record: Record<string, unknown> = { ...example(), further: more }
        for (const [path, value] of changes) {
          let holder: unknown = record
          for (const name of path.slice(0, -1)) holder = (holder as Record<string, unknown>)?.[name]
          if (typeof holder === 'object' && holder !== null) {
            Object.assign(holder, { [lastOf(path)]: structuredClone(value) })
          }
        }
        agree(record)
      }),
      { numRuns: 3000 },
    )
  })

  it.each([null, 'x', 1, [], {}])(
    'the schema of a browser session and the registry both reject %j',
    (value) => {
      expect(agree(value)).toBe(false)
    },
  )
})
