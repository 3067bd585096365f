/** The sentences that pages show for scopes and endorsements, from the declarations. */

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { isEndorsement } from '../../src/domain/category.ts'
import { REGISTRY_SCOPES } from '../../src/domain/registry-scopes.ts'
import { isScope } from '../../src/domain/scope.ts'
import {
  type Catalogue,
  describeScope,
  endorsementSentence,
  isDeclaredEndorsement,
  isDeclaredScope,
  MAX_DECLARED,
} from '../../src/domain/scope-catalogue.ts'
import { inProject } from '../../src/local/project.ts'

const catalogueOf = (
  scopes: readonly (readonly [name: string, sentence: string, isSensitive?: boolean])[],
  titles: Readonly<Record<string, string>> = {},
): Catalogue => ({
  scopes: new Map(
    scopes.map(([name, sentence, isSensitive = false]) => [name, { name, sentence, isSensitive }]),
  ),
  titles: new Map(Object.entries(titles)),
})

const DECLARED = catalogueOf(
  [
    ['public:read', 'Read public information'],
    ['compile:read', 'Read the results of compiling your submissions'],
    ['compile:read:logs', 'Read the logs of compiling'],
    ['openid', 'Know who you are'],
    ['https://example.org/scope', 'Read your example'],
  ],
  { cs: 'Computer Science', 'hep-th': 'High Energy Physics: Theory', 'math.NT': 'Number Theory' },
)

describe('the sentences for scopes', () => {
  it.each([
    ['public:read', 'Read public information'],
    ['compile:read:*', 'Read the results of compiling your submissions (all of them)'],
    [
      'compile:read:2101.00001',
      'Read the results of compiling your submissions (only “2101.00001”)',
    ],
    ['compile:read:logs', 'Read the logs of compiling'],
    ['openid', 'Know who you are'],
    ['https://example.org/scope', 'Read your example'],
    // A scope that is not domain:action[:resource] names no resource.
    ['openid:a:b:c', 'Use the permission “openid:a:b:c”'],
    ['telescope:point', 'Use the permission “telescope:point”'],
    ['telescope:point:*', 'Use the permission “telescope:point” (all of them)'],
    ['user.email', 'Use the permission “user.email”'],
    // The name of a property that every JavaScript object inherits is not declared.
    ['constructor', 'Use the permission “constructor”'],
    ['__proto__', 'Use the permission “__proto__”'],
  ])('the sentence for the scope "%s" is "%s"', (scope, sentence) =>
    expect(describeScope(scope, DECLARED)).toEqual({ scope, sentence, isSensitive: false }),
  )
})

describe('declared scopes and endorsements', () => {
  it.each([
    ['public:read', true],
    ['compile:read:2101.00001', true],
    ['compile:read:*', true],
    ['registry:approve', true],
    ['telescope:point', false],
    ['openid:a:b:c', false],
    ['constructor', false],
  ])('whether the scope %j is declared is %j', (scope, expected) =>
    expect(isDeclaredScope(scope, DECLARED)).toBe(expected),
  )
  it.each([
    ['cs', true],
    ['cs.*', true],
    ['cs.DL', false],
    ['math.NT', true],
    ['math.*', false],
    ['hep-th', true],
    ['*.*', true],
    ['constructor', false],
  ])('whether the endorsement %j is declared is %j', (endorsement, expected) =>
    expect(isDeclaredEndorsement(endorsement, DECLARED)).toBe(expected),
  )
})

describe('sensitive scopes', () => {
  const declared = catalogueOf([
    ['money:send', 'Send money', true],
    ['money:send:17', 'Send money from account 17'],
    ['files:delete', 'Delete files'],
    ['files:delete:all', 'Delete all files', true],
    ['wipe', 'Erase everything', true],
  ])
  it.each([
    ['money:send', true],
    ['money:send:18', true],
    // It is declared as not sensitive, but money:send is sensitive.
    ['money:send:17', true],
    ['money:send:*', true],
    ['files:delete', false],
    ['files:delete:all', true],
    ['files:delete:some', false],
    // It covers files:delete:all.
    ['files:delete:*', true],
    ['wipe', true],
    ['wipe:x', false],
    ['money:receive', false],
  ])('whether the scope %s is sensitive is %s', (scope, isSensitive) =>
    expect(describeScope(scope, declared).isSensitive).toBe(isSensitive),
  )
})

describe("the registry's own scopes", () => {
  const declared = catalogueOf([
    ['registry:read', 'Read public information'],
    ['registry:new', 'Read public information'],
  ])

  it.each(REGISTRY_SCOPES)(
    "the scope %s is sensitive and has the registry's sentence, even if it is declared with another one",
    (scope) => {
      const described = describeScope(scope, declared)
      expect(described).toEqual(describeScope(scope, catalogueOf([])))
      expect(described.isSensitive).toBe(true)
      expect(described.sentence).not.toContain(scope)
    },
  )

  it.each(['registry:new', 'registry:read:*', 'registry:'])(
    'the scope %s is sensitive, although the registry has no such scope of its own',
    (scope) => {
      const { isSensitive, sentence } = describeScope(scope, declared)
      expect([isSensitive, sentence]).not.toContain('Read public information')
      expect(isSensitive).toBe(true)
    },
  )
})

describe('the sentences for endorsements', () => {
  it.each([
    ['*.*', 'Submit in every category'],
    ['cs.*', 'Submit in every category of Computer Science'],
    ['cs.DL', 'Submit in cs.DL, a category of Computer Science'],
    ['math.NT', 'Submit in math.NT (Number Theory), a category of math'],
    ['hep-th', 'Submit in High Energy Physics: Theory'],
    ['alchemy.*', 'Submit in every category of alchemy'],
    ['constructor.X', 'Submit in constructor.X, a category of constructor'],
  ])('the sentence for the endorsement "%s" is "%s"', (endorsement, sentence) =>
    expect(endorsementSentence(endorsement, DECLARED)).toBe(sentence),
  )

  it('an endorsement has a sentence when no category is declared', () => {
    const sentence = endorsementSentence('cs.DL', catalogueOf([]))
    expect(sentence).toBe('Submit in cs.DL, a category of cs')
  })
})

describe('examples/arxiv-scopes.json', () => {
  const file = JSON.parse(readFileSync(inProject('examples/arxiv-scopes.json'), 'utf8')) as {
    scopes: { name: string; sentence: string }[]
    categories: { name: string; title: string }[]
  }

  it('every scope and category of the example is well-formed, has a sentence or a title, and is declared once', () => {
    expect([file.scopes.length, file.categories.length]).toEqual([19, 20])
    for (const { name, sentence } of file.scopes) {
      expect([isScope(name), sentence !== '', sentence.includes(name)]).toEqual([true, true, false])
    }
    for (const { name, title } of file.categories) {
      expect([isEndorsement(name), title !== '']).toEqual([true, true])
    }
    for (const all of [file.scopes, file.categories]) {
      expect(new Set(all.map(({ name }) => name)).size).toBe(all.length)
      expect(all.length).toBeLessThanOrEqual(MAX_DECLARED)
    }
  })
})
