/** Which scope covers which, in SQL and in TypeScript, for any scope-tokens. */

import { DatabaseSync } from 'node:sqlite'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isScope, readHierarchy, scopeCovers, scopeForResource } from '../../src/domain/scope.ts'
import { scopeCoversSql } from '../../src/stores/covering-sql.ts'

const CHARACTERS = Array.from({ length: 0x7f - 0x21 }, (_, index) =>
  String.fromCharCode(0x21 + index),
).filter((character) => !'"\\'.includes(character))

const anyToken = fc.string({ unit: fc.constantFrom(...CHARACTERS), minLength: 1, maxLength: 12 })
/** Most of these are close to the form domain:action[:resource]. */
const nearly = fc
  .array(
    fc.constantFrom('a', 'b', ':', ':', '*', '-', '_', '.', '/', 'A', '0', '[', ']', '?', '^'),
    {
      minLength: 1,
      maxLength: 8,
    },
  )
  .map((parts) => parts.join(''))
const one = fc.oneof(anyToken, nearly)
/** The first is often a scope for every resource, and the second often has the same beginning. */
const pair = fc.oneof(
  fc
    .tuple(fc.constantFrom('a:b', 'a0:b-', 'a_b:c'), one)
    .map(([general, rest]) => [`${general}:*`, `${general}:${rest}`] as const),
  fc.constant(['a:b:*', 'a:b:'] as const),
  fc.tuple(one, one),
  fc.tuple(one, one).map(([wider, rest]) => [`${wider}:*`, `${wider}:${rest}`] as const),
  one.map((wider) => [`${wider}:*`, wider] as const),
  fc.tuple(one, one).map(([action, rest]) => [`a:${action}:*`, `a:${action}:${rest}`] as const),
)

const db = new DatabaseSync(':memory:')
const covers = db.prepare(`SELECT ${scopeCoversSql('?1', '?2')} AS covers`)
const coversInSql = (wider: string, narrower: string) => covers.get(wider, narrower)?.covers === 1

describe('the hierarchy of scopes', () => {
  it('SQL and TypeScript agree whether a scope covers another, for any two scope-tokens', () => {
    let [covered, differing] = [0, 0]
    fc.assert(
      fc.property(pair, ([wider, narrower]) => {
        const expected = scopeCovers(wider, narrower)
        if (wider !== narrower) covered += expected ? 1 : 0
        differing += wider === narrower ? 0 : 1
        expect([wider, narrower, coversInSql(wider, narrower)]).toEqual([wider, narrower, expected])
      }),
      { numRuns: 20_000 },
    )
    // Control: many pairs cover, and many differ.
    expect(covered).toBeGreaterThan(100)
    expect(differing).toBeGreaterThan(10_000)
  })

  it('a scope covers another one only if both are of the form domain:action[:resource]', () => {
    fc.assert(
      fc.property(pair, ([wider, narrower]) => {
        if (wider === narrower || !scopeCovers(wider, narrower)) return
        const [held, asked] = [readHierarchy(wider), readHierarchy(narrower)]
        expect(held?.resource).toBe('*')
        expect(asked?.general).toBe(held?.general)
      }),
      { numRuns: 5000 },
    )
  })

  it('only a scope of the form domain:action has a scope for one resource, which the scope for every resource covers', () => {
    fc.assert(
      fc.property(one, one, (scope, resource) => {
        const named = scopeForResource(scope, resource)
        const general = readHierarchy(scope)
        if (named === null) return
        expect([general?.general, general?.resource]).toEqual([scope, null])
        expect(named).toBe(`${scope}:${resource}`)
        expect(scopeCovers(`${scope}:*`, named)).toBe(true)
        expect(scopeCovers(scope, named)).toBe(false)
      }),
      { numRuns: 5000 },
    )
    expect(scopeForResource('a:b', '5')).toBe('a:b:5')
  })
})

describe('the form of a scope (RFC 6749 §3.3)', () => {
  it('a scope has at most 256 characters, all of them characters of scope-token', () => {
    for (let code = 0; code < 0x200; code += 1) {
      const isAllowed =
        code === 0x21 || (code >= 0x23 && code <= 0x5b) || (code >= 0x5d && code <= 0x7e)
      expect([code, isScope(`a${String.fromCharCode(code)}`)]).toEqual([code, isAllowed])
    }
    expect([isScope(''), isScope('a'.repeat(256)), isScope('a'.repeat(257))]).toEqual([
      false,
      true,
      false,
    ])
  })
})
