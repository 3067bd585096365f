/** Requests to the registry, whose address is in the service's own configuration. */

import { isIssuer } from '../protocol/public-url.ts'

/** The options of every way of checking that uses the registry's endpoints. */
export type RegistryOptions = Readonly<{
  /** The registry's origin, as in its metadata. */
  issuer: string
  /** How long to wait for the registry. The default is 5. */
  timeoutSeconds?: number
  /** Used instead of the platform's `fetch`, for example a service binding to the registry. */
  fetch?: (url: string, init: RequestInit) => Promise<Response>
}>

const DEFAULT_TIMEOUT_SECONDS = 5

/** Throws a TypeError for wrong options. */
export function registryOf(name: string, options: RegistryOptions) {
  const { issuer, timeoutSeconds = DEFAULT_TIMEOUT_SECONDS } = options
  if (!isIssuer(issuer)) {
    throw new TypeError(
      `${name}(): the issuer must be an origin: https, or http on a loopback address, without a path`,
    )
  }
  requirePositive(name, { timeoutSeconds })
  // `fetch` is called in a function of its own, because some platforms refuse it as a method of another object.
  const send = options.fetch ?? ((url: string, init: RequestInit) => fetch(url, init))
  return { issuer, timeoutSeconds, send }
}

/** Throws a TypeError for a number that is not positive. */
export function requirePositive(name: string, numbers: Readonly<Record<string, number>>) {
  for (const [option, value] of Object.entries(numbers)) {
    if (!(value > 0 && Number.isFinite(value))) {
      throw new TypeError(`${name}(): ${option} must be a number above 0`)
    }
  }
}
