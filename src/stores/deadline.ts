/** A store that answers in time or throws: no request waits for storage without end. */

export class DeadlineError extends Error {
  constructor(verb: string, seconds: number) {
    super(`storage has not answered ${verb} within ${seconds} s`)
    this.name = 'DeadlineError'
  }
}

/**
 * The same port, each verb of it bounded. What was asked may still happen after the deadline: the ports promise
 * verbs that can be asked again or taken back. Of `askedAgain` a failure is asked about once more, in case only
 * the answer was lost; not past the deadline, when it may have been taken back.
 */
export function withDeadline<Port extends object>(
  port: Port,
  seconds: number,
  askedAgain: readonly (keyof Port)[] = [],
): Port {
  const bounded = Object.entries(port).map(([name, verb]) => {
    if (typeof verb !== 'function') return [name, verb]
    const times = askedAgain.includes(name as keyof Port) ? 2 : 1
    return [
      name,
      (...words: unknown[]) => inTime(() => verb.apply(port, words), name, seconds, times),
    ]
  })
  return Object.fromEntries(bounded)
}

async function inTime<T>(
  ask: () => Promise<T>,
  verb: string,
  seconds: number,
  times: number,
): Promise<T> {
  let isOver = false
  let timer: ReturnType<typeof setTimeout> | undefined
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      isOver = true
      reject(new DeadlineError(verb, seconds))
    }, seconds * 1000)
  })
  const again = (fault: unknown) => {
    if (isOver) throw fault
    return ask()
  }
  try {
    return await Promise.race([times > 1 ? ask().catch(again) : ask(), deadline])
  } finally {
    clearTimeout(timer)
  }
}
