/** The judgements of `npm run bench -- soak`. */

import { describe, expect, it } from 'vitest'
import { trendOf } from '../../bench/soak/trend.ts'
import {
  goodSecret,
  isSurelyValid,
  notRevoked,
  recordPossibleRevocation,
  recordRevocation,
  recordRevocationStart,
  recordRotation,
  verdictOf,
  verdictOfSecret,
} from '../../bench/soak/truth.ts'

const newToken = () => ({
  text: 't',
  clientId: 'c',
  username: null,
  scopes: [],
  revocation: notRevoked(),
})

describe('checks of a token in the soak test', () => {
  it('a check must accept a token until an act that revokes it begins', () => {
    const token = newToken()
    recordRevocationStart(token, 1000)
    expect(verdictOf(token, 'plain', 900, 999)).toBe('accepted')
    expect(isSurelyValid(token)).toBe(false)
  })

  it('a check may accept or refuse a token while an act that revokes it runs', () => {
    const token = newToken()
    recordRevocationStart(token, 1000)
    expect(verdictOf(token, 'fresh', 900, 1100)).toBe('either')
    recordRevocation(token, 1200, 0, 'an act')
    expect(verdictOf(token, 'fresh', 1100, 1300)).toBe('either')
  })

  it('a check must refuse a revoked token: a fresh check at once, other checks within the bound', () => {
    const token = newToken()
    recordRevocation(token, 1000, 10_000, 'an act')
    expect(verdictOf(token, 'fresh', 1000, 1001)).toBe('refused')
    expect(verdictOf(token, 'plain', 10_999, 11_001)).toBe('either')
    expect(verdictOf(token, 'plain', 11_000, 11_001)).toBe('refused')
  })

  it('a check must accept a token again when the act did not revoke it', () => {
    const token = newToken()
    const wasNotRevoked = recordPossibleRevocation(token, 1000)
    expect(verdictOf(token, 'plain', 1001, 1002)).toBe('either')
    wasNotRevoked()
    expect(verdictOf(token, 'plain', 1001, 1002)).toBe('accepted')
  })
})

it('a rotated secret is valid for the overlap and invalid from the second after it', () => {
  const secret = goodSecret('s')
  expect(verdictOfSecret(secret, 0, 1)).toBe('accepted')
  recordRotation(secret, 8000, 1000, 2000)
  expect(verdictOfSecret(secret, 7000, 7999)).toBe('accepted')
  expect(verdictOfSecret(secret, 9000, 9001)).toBe('either')
  expect(verdictOfSecret(secret, 11_000, 11_001)).toBe('refused')
})

describe('the memory of the soak test', () => {
  const seconds = Array.from({ length: 300 }, (_, i) => i)
  const trend = (mibAt: (second: number) => number) =>
    trendOf(seconds.map((second) => ({ atMs: second * 1000, mib: mibAt(second) })))

  it('memory with a leak of 10 MiB a minute is judged to grow', () => {
    const leak = trend((second) => 200 + second / 6)
    expect(leak.isFlat).toBe(false)
    expect(leak.riseMib).toBeCloseTo(149 / 6, 0)
  })

  it('memory is judged flat when it is collected repeatedly or grew only at the start', () => {
    expect(trend((second) => 200 + (second % 20) * 3).isFlat).toBe(true)
    expect(trend((second) => Math.min(200, 100 + second * 2)).isFlat).toBe(true)
  })

  it('memory is not judged flat when nothing was measured', () => {
    expect(trendOf([]).isFlat).toBe(false)
  })
})
