/** The next step of a rotation of keys, in words. */

import type { NextStep } from '../crypto/key-rotation.ts'

export const timeOf = (epochSeconds: number) =>
  new Date(epochSeconds * 1000).toISOString().replace('.000Z', 'Z')

/** `now` in epoch seconds. */
export function stepText(next: NextStep, now: number): string {
  switch (next.step) {
    case 'add':
      return 'key add, when the key is to be replaced'
    case 'unknown':
      return 'the keys do not say which is older: key promote KID lets another sign, key retire KID removes one'
    case 'promote':
    case 'retire':
      return `key ${next.step} ${next.kid}, ${next.from <= now ? 'now' : `not before ${timeOf(next.from)}`}`
    default:
      throw new Error(`no words for ${next satisfies never}`)
  }
}
