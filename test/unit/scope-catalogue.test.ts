/** The sentences of the consent page. */

import { describe, expect, it } from 'vitest'
import {
  CATALOGUED_SCOPES,
  endorsementSentence,
  scopeSentence,
} from '../../src/domain/scope-catalogue.ts'

describe('the sentences for scopes', () => {
  it.each([
    ['public:read', 'Read public information'],
    ['compile:read:*', 'Read the results of compiling your submissions (all of them)'],
    [
      'compile:read:2101.00001',
      'Read the results of compiling your submissions (only “2101.00001”)',
    ],
    ['telescope:point', 'Use the permission “telescope:point”'],
    ['telescope:point:*', 'Use the permission “telescope:point” (all of them)'],
    // A name that every JavaScript object inherits is not in the catalogue.
    ['constructor:read', 'Use the permission “constructor:read”'],
  ])('the sentence for "%s" is "%s"', (scope, sentence) =>
    expect(scopeSentence(scope)).toBe(sentence),
  )

  it('every scope of the catalogue has its own sentence', () => {
    for (const scope of CATALOGUED_SCOPES) expect(scopeSentence(scope)).not.toContain(scope)
  })
})

describe('the sentences for endorsements', () => {
  it.each([
    ['*.*', 'Submit in every category'],
    ['cs.*', 'Submit in every category of Computer Science'],
    ['cs.DL', 'Submit in cs.DL, a category of Computer Science'],
    ['hep-th', 'Submit in High Energy Physics: Theory'],
    ['alchemy.*', 'Submit in every category of alchemy'],
    ['constructor.X', 'Submit in constructor.X, a category of constructor'],
  ])('the sentence for "%s" is "%s"', (endorsement, sentence) =>
    expect(endorsementSentence(endorsement)).toBe(sentence),
  )
})
