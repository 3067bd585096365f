/** The network of an address, by which failures and requests are counted. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { networkOf } from '../../src/domain/network.ts'

describe('the network of an address', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['', ''],
    ['2001:db8:0:7::1', '2001:db8:0:7'],
    ['2001:DB8:0:0007:1:2:3:4', '2001:db8:0:7'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['::', '0:0:0:0'],
    ['2001:db8:1:2:3::', '2001:db8:1:2'],
    ['::ffff:192.0.2.7', '::ffff:192.0.2.7'],
  ])('the network of the address %j is %j', (address, network) => {
    expect(networkOf(address)).toBe(network)
  })

  const group = fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16))
  const groups = fc.array(group, { minLength: 8, maxLength: 8 })
  /** The platform's spelling: the URL standard compresses the longest run of zeros. */
  const spell = (one: readonly string[]) =>
    new URL(`http://[${one.join(':')}]`).hostname.slice(1, -1)

  it('the network of an IPv6 address is its first 64 bits in every spelling', () => {
    fc.assert(
      fc.property(groups, groups, (one, other) => {
        const neighbour = [...one.slice(0, 4), ...other.slice(4)]
        expect(networkOf(spell(one))).toBe(networkOf(one.join(':')))
        expect(networkOf(spell(neighbour))).toBe(networkOf(spell(one)))
        const isSame = one.slice(0, 4).join() === other.slice(0, 4).join()
        expect(networkOf(spell(other)) === networkOf(spell(one))).toBe(isSame)
      }),
    )
  })

  it('finding the network of any text never throws', () => {
    fc.assert(fc.property(fc.string(), (text) => void networkOf(text)))
  })
})
