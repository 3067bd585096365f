/** Data that an isolate keeps between requests: bounded, and read once for all requests that need it at the same time. */

import { within } from '../deadline.ts'

/** Removes the oldest entry of a full Map or Set. Call it before an entry is added, so that there are at most `most`. */
export function evictOldest(memory: Map<string, unknown> | Set<string>, most: number): void {
  if (memory.size >= most) memory.delete(memory.keys().next().value as string)
}

export function keepIn<Kept>(memory: Map<string, Kept>, key: string, kept: Kept, most: number) {
  memory.delete(key)
  evictOldest(memory, most)
  memory.set(key, kept)
}

/** The most proofs, which bounds the memory: each has about 150 bytes. A proof expires after two minutes anyway. */
const MAX_REMEMBERED_PROOFS = 10_000

/** For DPoP proofs: does this isolate see the id for the first time? */
export function firstUses(): (id: string) => boolean {
  const seen = new Set<string>()
  return (id) => {
    if (seen.has(id)) return false
    evictOldest(seen, MAX_REMEMBERED_PROOFS)
    seen.add(id)
    return true
  }
}

/** How long a request waits for another request's read, which never settles if that request was cancelled. */
const WAIT_SECONDS = 1
const tooLate = () => new Error('the read of another request has not settled')

export class SharedRead {
  #underWay: Promise<boolean> | null = null

  /**
   * Settles when `isDone` is true after a successful read by this request or another one. A read that fails or is cancelled
   * fails only its own request; the others then read for themselves. Only the outcome passes from one request to another,
   * because workerd binds streams to their request.
   */
  async share(isDone: () => boolean, read: () => Promise<void>): Promise<void> {
    const others = this.#underWay
    const theirs = others && within(WAIT_SECONDS, () => others, tooLate).catch(() => false)
    if (theirs && (await theirs) && isDone()) return
    const own = read()
    const hasSucceeded = own.then(
      () => true,
      () => false,
    )
    // If another request has begun a read meanwhile, that read stays the shared one, because requests wait for it.
    if (this.#underWay === null || this.#underWay === others) this.#underWay = hasSucceeded
    try {
      await own
    } finally {
      if (this.#underWay === hasSucceeded) this.#underWay = null
    }
  }
}
