/** Random cases repeat: they depend on nothing but the seed. Every project runs this file. */

import fc from 'fast-check'
import { afterEach, describe, expect, inject, it } from 'vitest'
import { seedFrom } from './seed.ts'

const anyPairs = fc.array(fc.tuple(fc.string({ unit: 'binary' }), fc.integer()))

/** The cases that a property is tried with. */
function triedCases(): unknown[] {
  const tried: unknown[] = []
  fc.assert(fc.property(anyPairs, (pairs) => void tried.push(pairs)))
  return tried
}

describe('the seed of random cases', () => {
  afterEach(() => fc.configureGlobal({ seed: inject('seed') }))

  it('every property and every sample draws its cases from the seed of the run', () => {
    expect(fc.readConfigureGlobal().seed).toBe(inject('seed'))
    const tried = triedCases()
    expect(tried).toHaveLength(100)
    expect(triedCases()).toEqual(tried)
    expect(fc.sample(anyPairs, 5)).toEqual(
      fc.sample(anyPairs, { numRuns: 5, seed: inject('seed') }),
    )
  })

  it('another seed draws other cases', () => {
    const tried = triedCases()
    fc.configureGlobal({ seed: inject('seed') + 1 })
    expect(triedCases()).not.toEqual(tried)
  })

  it('a property that fails prints the seed of the run', () => {
    const failing = fc.property(fc.integer(), () => false)
    expect(() => fc.assert(failing)).toThrow(`seed: ${inject('seed')}`)
  })
})

describe('the variable SEED', () => {
  it('a run without SEED always has the same seed', () => {
    expect(seedFrom(undefined)).toBe(seedFrom(''))
    expect(seedFrom(undefined)).toBe(seedFrom(undefined))
  })

  it.each(['0', '7', '-7', '2147483647'])('SEED=%s is the seed', (text) => {
    expect(seedFrom(text)).toBe(Number(text))
  })

  it('SEED=random is a new seed for each run, which SEED takes too', () => {
    const seeds = Array.from({ length: 100 }, () => seedFrom('random'))
    expect(new Set(seeds).size).toBeGreaterThan(90)
    expect(seeds.map((seed) => seedFrom(String(seed)))).toEqual(seeds)
  })

  it.each(['1.5', '2147483648', 'x', ' ', '1e3'])('SEED=%s is refused', (text) => {
    expect(() => seedFrom(text)).toThrow('it must be a number or "random"')
  })
})
