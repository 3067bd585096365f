/** What an isolate remembers is bounded. */

import { expect, it } from 'vitest'
import { makeRoom } from '../../src/stores/make-room.ts'

it('a full cache evicts its oldest entry for a new one', () => {
  const memory = new Set<string>()
  for (const one of ['a', 'b', 'c', 'd']) {
    makeRoom(memory, 3)
    memory.add(one)
  }
  expect([...memory]).toEqual(['b', 'c', 'd'])
})
