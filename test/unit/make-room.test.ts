/** What an isolate remembers is bounded. */

import { expect, it } from 'vitest'
import { makeRoom } from '../../src/stores/make-room.ts'

it('whatever was remembered first is forgotten for one more', () => {
  const memory = new Set<string>()
  for (const one of ['a', 'b', 'c', 'd']) {
    makeRoom(memory, 3)
    memory.add(one)
  }
  expect([...memory]).toEqual(['b', 'c', 'd'])
})
