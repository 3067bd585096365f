/** The judgements of `npm run bench -- soak`. */

import { describe, expect, it } from 'vitest'
import { trendOf } from '../../bench/soak/trend.ts'
import {
  doubt,
  goodSecret,
  hasEnded,
  isSurelyLive,
  lives,
  mayEnd,
  mustBe,
  outlive,
  secretMustBe,
} from '../../bench/soak/truth.ts'

const newToken = () => ({ text: 't', clientId: 'c', username: null, scopes: [], ending: lives() })

describe('checks of a token in the soak test', () => {
  it('a check must accept a token until an act that revokes it begins', () => {
    const token = newToken()
    mayEnd(token, 1000)
    expect(mustBe(token, 'plain', 900, 999)).toBe('accepted')
    expect(isSurelyLive(token)).toBe(false)
  })

  it('a check may accept or refuse a token while an act that revokes it runs', () => {
    const token = newToken()
    mayEnd(token, 1000)
    expect(mustBe(token, 'fresh', 900, 1100)).toBe('either')
    hasEnded(token, 1200, 0, 'an act')
    expect(mustBe(token, 'fresh', 1100, 1300)).toBe('either')
  })

  it('a check must refuse a revoked token: a fresh check at once, other checks within the bound', () => {
    const token = newToken()
    hasEnded(token, 1000, 10_000, 'an act')
    expect(mustBe(token, 'fresh', 1000, 1001)).toBe('refused')
    expect(mustBe(token, 'plain', 10_999, 11_001)).toBe('either')
    expect(mustBe(token, 'plain', 11_000, 11_001)).toBe('refused')
  })

  it('a check must accept a token again when the act did not revoke it', () => {
    const token = newToken()
    const livesOn = doubt(token, 1000)
    expect(mustBe(token, 'plain', 1001, 1002)).toBe('either')
    livesOn()
    expect(mustBe(token, 'plain', 1001, 1002)).toBe('accepted')
  })
})

it('a rotated secret is valid for the overlap and invalid from the second after it', () => {
  const secret = goodSecret('s')
  expect(secretMustBe(secret, 0, 1)).toBe('accepted')
  outlive(secret, 8000, 1000, 2000)
  expect(secretMustBe(secret, 7000, 7999)).toBe('accepted')
  expect(secretMustBe(secret, 9000, 9001)).toBe('either')
  expect(secretMustBe(secret, 11_000, 11_001)).toBe('refused')
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
