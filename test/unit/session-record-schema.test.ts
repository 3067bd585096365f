/**
 * The JSON Schemas of sessions accept the same records as the registry. docs/session-record.schema.json is for other programs
 * that write browser sessions, and `/schemas/session.json` for programs that read any session.
 */

import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { readSession } from '../../src/domain/session-shape.ts'
import { inProject } from '../../src/local/project.ts'
import { sessionSchema } from '../../src/management/session-schema.ts'
import { runs } from '../sample.ts'

type JsonSchema = Parameters<typeof z.fromJSONSchema>[0]
type Described = Readonly<{
  name: string
  schema: object
  /** Whether the registry accepts the value. */
  accepts: (value: unknown) => boolean
}>

const DESCRIBED: readonly Described[] = [
  {
    name: 'a browser session',
    schema: JSON.parse(readFileSync(inProject('docs/session-record.schema.json'), 'utf8')),
    accepts(value) {
      const record = readSession(value)
      return record !== null && record.user !== null && record.client === null
    },
  },
  {
    name: 'any session',
    schema: sessionSchema('https://auth.example.org'),
    accepts: (value) => readSession(value) !== null,
  },
]

function examine({ schema, accepts }: Described) {
  const bySchema = z.fromJSONSchema(schema as JsonSchema)
  const { examples } = schema as { examples: readonly object[] }
  const example = () => structuredClone(examples[0]) as Record<string, unknown>
  return {
    example,
    /** Every member of the example, by its path. */
    paths: pathsIn(example()).filter((path) => path.length > 0),
    /** Whether the schema accepts the value as KV stores it. Fails if the registry decides otherwise. */
    agree(given: unknown) {
      const value: unknown = JSON.parse(JSON.stringify(given))
      const verdict = bySchema.safeParse(value).success
      expect([value, verdict]).toEqual([value, accepts(value)])
      return verdict
    },
    /** The example, after `change` has been applied to the object or list with the member. */
    changed(path: readonly string[], change: (holder: Record<string, unknown>) => void) {
      const record = example()
      let holder = record
      for (const name of path.slice(0, -1)) holder = holder[name] as Record<string, unknown>
      change(holder)
      return record
    },
  }
}

function pathsIn(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path]
  return [path, ...Object.entries(value).flatMap(([name, one]) => pathsIn(one, [...path, name]))]
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

describe.each(DESCRIBED)('the schema of $name', (described) => {
  const { example, paths, agree, changed } = examine(described)

  it('the schema has an example that the registry accepts', () => {
    expect(agree(example())).toBe(true)
  })

  it.each(paths.map((path) => [path.join('.'), path] as const))(
    'the schema agrees with the registry when %s is absent or has another value',
    (_, path) => {
      agree(changed(path, (holder) => delete holder[lastOf(path)]))
      const verdicts = JUNK.map((value) =>
        agree(changed(path, (holder) => Object.assign(holder, { [lastOf(path)]: value }))),
      )
      // Control: at least one value is invalid for each member.
      expect(verdicts).toContain(false)
    },
  )

  it('the schema agrees with the registry on several changes at once and on further members', () => {
    const change = fc.tuple(
      fc.constantFrom(...paths),
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
      { numRuns: runs(1000, 10_000) },
    )
  })

  it.each([null, 'x', 1, [], {}])('the schema and the registry both refuse %j', (value) => {
    expect(agree(value)).toBe(false)
  })
})
