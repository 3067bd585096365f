/** The words a user consents to. */

import { describe, expect, it } from 'vitest'
import {
  CATALOGUED_SCOPES,
  endorsementSentence,
  scopeSentence,
} from '../../src/domain/scope-catalogue.ts'

describe('a scope is said in a sentence', () => {
  it.each([
    ['public:read', 'Read public information'],
    ['compile:read:*', 'Read the results of compiling your submissions (all of them)'],
    [
      'compile:read:2101.00001',
      'Read the results of compiling your submissions (only “2101.00001”)',
    ],
    ['telescope:point', 'Use the permission “telescope:point”'],
    ['telescope:point:*', 'Use the permission “telescope:point” (all of them)'],
    // A name that every object has is none of the catalogue's.
    ['constructor:read', 'Use the permission “constructor:read”'],
  ])('%s', (scope, sentence) => expect(scopeSentence(scope)).toBe(sentence))

  it('of its own for each of the catalogue', () => {
    for (const scope of CATALOGUED_SCOPES) expect(scopeSentence(scope)).not.toContain(scope)
  })
})

describe('an endorsement is said in a sentence', () => {
  it.each([
    ['*.*', 'Submit in every category'],
    ['cs.*', 'Submit in every category of Computer Science'],
    ['cs.DL', 'Submit in cs.DL, a category of Computer Science'],
    ['hep-th', 'Submit in High Energy Physics: Theory'],
    ['alchemy.*', 'Submit in every category of alchemy'],
    ['constructor.X', 'Submit in constructor.X, a category of constructor'],
  ])('%s', (endorsement, sentence) => expect(endorsementSentence(endorsement)).toBe(sentence))
})
