/** Durations in words. */

import { expect, it } from 'vitest'
import { inWords } from '../../src/domain/duration.ts'

it.each([
  [0, '0 seconds'],
  [1, '1 second'],
  [90, '90 seconds'],
  [900, '15 minutes'],
  [3600, '1 hour'],
  [5400, '90 minutes'],
  [7200, '2 hours'],
  [86_400, '1 day'],
  [2_592_000, '30 days'],
])('a duration of %i seconds is written as %s', (seconds, words) => {
  expect(inWords(seconds)).toBe(words)
})
