/** One read under way for all requests of an isolate that need it at once. */

/**
 * How long a request waits for the read of another. Longer than a read takes; a read whose own request was cancelled
 * is never heard of again.
 */
const WAIT_MS = 1000

export class SharedRead {
  #underWay: Promise<boolean> | null = null

  /**
   * Settles when a read has succeeded that makes `isDone` true: one under way or its own. A read that fails, or whose
   * request is cancelled, fails only the request that began it: the others read for themselves. Nothing of the read but
   * whether it succeeded passes from one request to another, since workerd binds streams and the like to their request.
   */
  async share(isDone: () => boolean, read: () => Promise<void>): Promise<void> {
    const others = this.#underWay
    if (others && (await within(WAIT_MS, others)) && isDone()) return
    const own = read()
    const hasSucceeded = own.then(
      () => true,
      () => false,
    )
    // One that others began meanwhile stays: its waiters are many already.
    if (this.#underWay === null || this.#underWay === others) this.#underWay = hasSucceeded
    try {
      await own
    } finally {
      if (this.#underWay === hasSucceeded) this.#underWay = null
    }
  }
}

/** False if the promise has not settled in time. */
async function within(milliseconds: number, promise: Promise<boolean>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const tooLate = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), milliseconds)
  })
  try {
    return await Promise.race([promise, tooLate])
  } finally {
    clearTimeout(timer)
  }
}
