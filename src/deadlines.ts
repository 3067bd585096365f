/** Deadlines of one request: it waits without end for nobody. */

type Waiting = Readonly<{ untilMs: number; expire: () => void }>

/** How often it is looked whether anything is due; nothing is given less. */
export const TICK_MS = 1000

/**
 * One timer for all that a request waits for, since a timer costs as much as a digest. It is never stopped: it goes
 * with the request.
 */
export class Deadlines {
  readonly #waiting = new Set<Waiting>()
  #isArmed = false

  /**
   * Settles as `ask` does or, after `seconds` (1 and more), rejects with what `tooLate` makes; `isOver` then tells
   * `ask` so.
   */
  within<T>(
    seconds: number,
    ask: (isOver: () => boolean) => Promise<T>,
    tooLate: () => Error,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        untilMs: performance.now() + seconds * 1000,
        expire: () => {
          this.#waiting.delete(waiting)
          reject(tooLate())
        },
      }
      this.#waiting.add(waiting)
      if (!this.#isArmed) this.#arm(TICK_MS)
      ask(() => !this.#waiting.has(waiting)).then(
        (answer) => {
          this.#waiting.delete(waiting)
          resolve(answer)
        },
        (fault: unknown) => {
          this.#waiting.delete(waiting)
          reject(fault)
        },
      )
    })
  }

  #arm(ms: number) {
    this.#isArmed = true
    setTimeout(() => {
      this.#isArmed = false
      const now = performance.now()
      let nextMs = TICK_MS
      for (const { untilMs, expire } of [...this.#waiting]) {
        if (untilMs <= now) expire()
        else nextMs = Math.min(nextMs, untilMs - now)
      }
      if (this.#waiting.size > 0) this.#arm(nextMs)
    }, ms)
  }
}
