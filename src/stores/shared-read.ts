/** One read for all requests of an isolate that need the same data at the same time. */

import { within } from '../deadline.ts'

/** How long a request waits for another request's read, which never settles if that request was cancelled. */
const WAIT_SECONDS = 1
const tooLate = () => new Error('the read of another request has not settled')

export class SharedRead {
  #underWay: Promise<boolean> | null = null

  /**
   * Settles when a read, its own or another request's, has succeeded and `isDone` is true. A read that fails or is
   * cancelled fails only its own request; the others then read for themselves. Only the outcome passes from one request
   * to another, since workerd binds streams to their request.
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
    // A read that another request has begun meanwhile stays the shared one: requests wait for it.
    if (this.#underWay === null || this.#underWay === others) this.#underWay = hasSucceeded
    try {
      await own
    } finally {
      if (this.#underWay === hasSucceeded) this.#underWay = null
    }
  }
}
