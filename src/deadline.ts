/** Deadlines: no request waits without limit, neither for storage nor for its sender. */

/** Storage did not answer in time. The requested work may have been done, or may still be done later. */
export class DeadlineError extends Error {
  constructor(verb: string, seconds: number) {
    super(`storage has not answered ${verb} within ${seconds} s`)
    this.name = 'DeadlineError'
  }
}

/** Settles as `work` does. After `seconds` it rejects with what `tooLate` makes, and `isOver` is true from then on. */
export const within = <T>(
  seconds: number,
  work: (isOver: () => boolean) => Promise<T>,
  tooLate: () => Error,
) =>
  new Promise<T>((resolve, reject) => {
    let isOver = false
    const timer = setTimeout(() => {
      isOver = true
      reject(tooLate())
    }, seconds * 1000)
    const succeed = (value: T) => {
      clearTimeout(timer)
      resolve(value)
    }
    const fail = (fault: unknown) => {
      clearTimeout(timer)
      reject(fault)
    }
    try {
      work(() => isOver).then(succeed, fail)
    } catch (fault) {
      fail(fault)
    }
  })

/**
 * The same port with a deadline for each of its methods. A port has only methods. A method may still take effect after the
 * deadline: the ports promise methods that can be repeated or undone. A method in `repeated` is called once more if it fails,
 * in case only the answer was lost. Such a method is not repeated after the deadline, when the caller may have undone its
 * effect.
 */
export function withDeadline<Port extends object>(
  port: Port,
  seconds: number,
  repeated: readonly (keyof Port)[] = [],
): Port {
  type Method = (...words: unknown[]) => Promise<unknown>
  const bounded = (name: keyof Port & string): Method => {
    const method = (port[name] as Method).bind(port)
    const tooLate = () => new DeadlineError(name, seconds)
    if (!repeated.includes(name))
      return (...words) => within(seconds, () => method(...words), tooLate)
    return (...words) =>
      within(
        seconds,
        (isOver) =>
          method(...words).catch((fault: unknown) => {
            if (isOver()) throw fault
            return method(...words)
          }),
        tooLate,
      )
  }
  const names = Object.keys(port) as (keyof Port & string)[]
  return Object.fromEntries(names.map((name) => [name, bounded(name)])) as Port
}

/** A rate limit is counted at the location, so it answers faster than storage. */
const LIMIT_TIMEOUT_SECONDS = 1

type Limit = Readonly<{
  limit: (asked: { key: string }) => Promise<Readonly<{ success: boolean }>>
}>

export const limitInTime = (binding: Limit) =>
  withDeadline(
    { limit: async (asked: { key: string }) => binding.limit(asked) },
    LIMIT_TIMEOUT_SECONDS,
  )
