/** What every adapter gives to the decision, and what every way of checking returns. */

import type { Authentication, AuthenticatorBinding } from '../protocol/authentication.ts'

/** A request in the form that every way of checking reads. */
export type Asked = Readonly<{
  method: string
  /** The absolute URL, as the caller addressed it: a DPoP proof names this URL. */
  url: string
  /** The value of a header; null if it was not sent. The values of a header that was sent twice are joined with a comma. */
  header: (name: string) => string | null
  /** The same object for every middleware of one request. */
  request: object
}>

/** Finds out who calls. Throws if this fails; the middleware then responds with 503. */
export type Identify = (asked: Asked, immediate: boolean) => Promise<Authentication>

/** A way of checking without a service binding: `introspection()` or `keySet()`. Make it once and use it for every route. */
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
 * Asks a source once for each request, also if several middlewares identify the caller, because a DPoP proof is accepted
 * once. Therefore, if one middleware uses `immediate`, all middlewares of the same request must use it.
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
