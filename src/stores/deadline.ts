/** A store that answers in time or throws: no request waits for storage without end. */

import type { Deadlines } from '../deadlines.ts'

/** Whether storage did what was asked is not known. */
export class DeadlineError extends Error {
  constructor(verb: string, seconds: number) {
    super(`storage has not answered ${verb} within ${seconds} s`)
    this.name = 'DeadlineError'
  }
}

/**
 * The same port, which has verbs alone, each of them bounded. What was asked may still happen after the deadline: the ports promise
 * verbs that can be asked again or taken back. Of `askedAgain` a failure is asked about once more, in case only
 * the answer was lost; not past the deadline, when it may have been taken back.
 */
export function withDeadline<Port extends object>(
  port: Port,
  seconds: number,
  deadlines: () => Deadlines,
  askedAgain: readonly (keyof Port)[] = [],
): Port {
  const bounded: Partial<Record<keyof Port, unknown>> = {}
  for (const name of Object.keys(port) as (keyof Port & string)[]) {
    const verb = port[name] as (...words: unknown[]) => Promise<unknown>
    const tooLate = () => new DeadlineError(name, seconds)
    const isAskedAgain = askedAgain.includes(name)
    bounded[name] = (...words: unknown[]) =>
      deadlines().within(
        seconds,
        (isOver) => {
          const ask = () => verb.apply(port, words)
          const again = (fault: unknown) => {
            if (isOver()) throw fault
            return ask()
          }
          return isAskedAgain ? ask().catch(again) : ask()
        },
        tooLate,
      )
  }
  return bounded as Port
}
