/** What every adapter gives to the decision, and what every way to check gives back. */

import type { Authentication, AuthenticatorBinding } from '../protocol/authentication.ts'

/** A request, as every way to check reads it. */
export type Asked = Readonly<{
  method: string
  /** Absolute, as the caller addressed it: a DPoP proof names it. */
  url: string
  /** Null if it was not sent. A header that was sent twice is one value with a comma. */
  header: (name: string) => string | null
  /** The same object for every middleware of one request. */
  request: object
}>

/** Who calls? Throws on a fault; the middleware then responds with 503. */
export type Identify = (asked: Asked, immediate: boolean) => Promise<Authentication>

/** A way to check without a service binding: `introspection()` or `keySet()`. Make it once and use it for every route. */
export type Check = Readonly<{
  kind: 'introspection' | 'key set'
  identify: Identify
}>

type Outcomes = WeakMap<object, Promise<Authentication>>
const outcomes = {
  bounded: new WeakMap<object, Outcomes>(),
  immediate: new WeakMap<object, Outcomes>(),
}

type Source = AuthenticatorBinding | Identify

/**
 * Asks a source once for each request, also if several middlewares identify the caller: a DPoP proof is accepted once. If
 * one middleware uses `immediate`, all middlewares of the same request must therefore use it.
 */
export function askOnce(
  request: object,
  source: Source,
  immediate: boolean,
  ask: () => Promise<Authentication>,
): Promise<Authentication> {
  const byRequest = immediate ? outcomes.immediate : outcomes.bounded
  const known = byRequest.get(request) ?? new WeakMap()
  const outcome = known.get(source) ?? ask()
  byRequest.set(request, known.set(source, outcome))
  return outcome
}
