/** Deadlines: no request waits forever, neither for storage nor for its sender. */

/** Storage did not answer in time. It may have done what was asked, and may still do it. */
export class DeadlineError extends Error {
  constructor(verb: string, seconds: number) {
    super(`storage has not answered ${verb} within ${seconds} s`)
    this.name = 'DeadlineError'
  }
}

/** Settles as `work` does or, after `seconds`, rejects with what `tooLate` makes. `isOver` is true from then on. */
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
 * The same port with a deadline for each of its methods. A port has nothing but methods. A method may still take effect
 * after the deadline: the ports promise methods that can be repeated or undone. A method in `repeated` is called once
 * more when it fails, in case only the answer was lost. It is not repeated after the deadline, when the caller may have
 * undone it.
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

/** A rate limit is counted at the location, so it answers sooner than storage. */
const LIMIT_TIMEOUT_SECONDS = 1

type Limit = Readonly<{
  limit: (asked: { key: string }) => Promise<Readonly<{ success: boolean }>>
}>

/** The binding of a rate limit as a port with a deadline. */
export const limitInTime = (binding: Limit) =>
  withDeadline(
    { limit: async (asked: { key: string }) => binding.limit(asked) },
    LIMIT_TIMEOUT_SECONDS,
  )
