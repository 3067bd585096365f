/** Requests to a registry and to Cloudflare: why no response arrived, and whether the request can have been sent. */

import { oneLine } from '../local/refusal.ts'

const TIMEOUT_MS = 30_000

/** Follows no redirect, because the request is for this address alone. */
export const send = (url: string, init: RequestInit): Promise<Response> =>
  fetch(url, { ...init, redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) })

/** Codes of faults that occur before a request is sent: names, connections and certificates. */
const NOT_SENT =
  /^(?:ENOTFOUND|EAI_\w+|ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|ERR_TLS_\w+|CERT_\w+|\w*SELF_SIGNED\w*|UNABLE_TO_\w+)$/

export const causeOf = (fault: unknown) => (fault instanceof Error ? (fault.cause ?? fault) : fault)

/** The reason why there is no response, in one line. */
export function reasonOf(fault: unknown): string {
  const cause = causeOf(fault)
  return oneLine(cause instanceof Error ? cause.message || cause.name : cause)
}

/** Was the request not sent? If so, nothing was changed. */
export function isNotSent(fault: unknown): boolean {
  const cause = causeOf(fault)
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  // Every address of the host name was tried.
  if (cause instanceof AggregateError) return cause.errors.every(isNotSent)
  // The Fetch standard blocks some ports.
  return NOT_SENT.test(code) || reasonOf(cause) === 'bad port'
}
