/** The caches of an isolate are bounded. */

import { expect, it } from 'vitest'
import { evictOldest } from '../../src/stores/isolate-memory.ts'

it('a full cache evicts its oldest entry, and a cache with space evicts nothing', () => {
  const memory = new Set<string>()
  for (const one of ['a', 'b', 'c', 'd']) {
    evictOldest(memory, 3)
    memory.add(one)
  }
  expect([...memory]).toEqual(['b', 'c', 'd'])
})
