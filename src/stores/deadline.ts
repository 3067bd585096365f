/** A store that answers in time or throws: no request waits for storage without end. */

export class DeadlineError extends Error {
  constructor(verb: string, seconds: number) {
    super(`storage has not answered ${verb} within ${seconds} s`)
    this.name = 'DeadlineError'
  }
}

/**
 * The same port, each verb of it bounded. What was asked may still happen after the deadline: the ports promise
 * verbs that can be asked again or taken back.
 */
export function withDeadline<Port extends object>(port: Port, seconds: number): Port {
  const bounded = Object.entries(port).map(([name, verb]) => {
    if (typeof verb !== 'function') return [name, verb]
    return [name, (...words: unknown[]) => inTime(verb.apply(port, words), name, seconds)]
  })
  return Object.fromEntries(bounded)
}

async function inTime<T>(work: Promise<T>, verb: string, seconds: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DeadlineError(verb, seconds)), seconds * 1000)
  })
  try {
    return await Promise.race([work, deadline])
  } finally {
    clearTimeout(timer)
  }
}
