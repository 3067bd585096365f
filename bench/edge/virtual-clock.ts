/** A clock that advances only while a request waits for storage, so that a thousand requests are simulated quickly. */

import { settle } from '../counts.ts'

type Waiting = Readonly<{ at: number; go: () => void }>

export function virtualClock() {
  let nowMs = 0
  let waiting: Waiting[] = []

  const advance = () => {
    const next = waiting.reduce((first, one) => (one.at < first.at ? one : first))
    waiting = waiting.filter((one) => one !== next)
    nowMs = next.at
    next.go()
  }

  return {
    now: () => nowMs,
    wait: (ms: number) => new Promise<void>((go) => waiting.push({ at: nowMs + ms, go })),
    /** Starts at 0. Resolves when `work` and its deferred work are done, with the result of `work` and its time. */
    async run<T>(work: () => Promise<T>): Promise<{ answer: T; ms: number }> {
      nowMs = 0
      let ended: { answer: T; ms: number } | null = null
      let fault: unknown
      work().then(
        (answer) => {
          ended = { answer, ms: nowMs }
        },
        (cause) => {
          fault = cause ?? new Error('failed')
        },
      )
      for (;;) {
        await settle()
        if (waiting.length === 0) break
        advance()
      }
      if (ended === null) throw fault ?? new Error('the work waits for something else')
      return ended
    },
  }
}
