/**
 * Every refusal and every fault gets a correlation id. The caller sees the id; what it stands for goes to one
 * line of the log and, of a refusal, to the table that `npm run admin -- why ID` reads.
 */

import type { Context } from 'hono'
import { networkOf } from '../domain/network.ts'
import { claimedClientId } from '../protocol/client-authentication.ts'
import { OAuthError } from '../protocol/errors.ts'
import { sanitized } from '../protocol/sanitize.ts'
import type { RefusalStore, Refused } from '../stores/ports.ts'
import type { FloodLimit } from './flood.ts'
import { log, nameOf } from './log.ts'
import { addressOf, contextOf } from './request-context.ts'
import type { Trouble } from './request-note.ts'
import { servingOf } from './serving.ts'

const MAX_DETAIL = 200
const MAX_CLIENT_ID = 100
const RETRY_AFTER_SECONDS = 1
const CORRELATION_HEADER = 'X-Correlation-Id'

export type RefusalDeps = Readonly<{
  issuer: string
  refusals: RefusalStore
  refusalLimit: FloodLimit
}>

/** What is to be told of a refusal. `correlationId` is null when there is nothing to look into. */
export type Explained = Readonly<{
  refusal: OAuthError
  correlationId: string | null
  issuer: string
  /** For the response. */
  headers: Readonly<Record<string, string>>
}>

/** Everything that is not a refusal is a fault: logged, and told as no more than "not now". */
const unavailable = () =>
  new OAuthError('temporarily_unavailable', 'The service cannot answer now. Try again shortly.', {
    headers: { 'Retry-After': String(RETRY_AFTER_SECONDS) },
  })

/** Whom the request says it is from, fit for the log. */
export function clientOf(c: Context): string | null {
  const { form } = servingOf(c).note
  const { url } = c.req
  const asked = form ?? (url.includes('?') ? new URL(url).searchParams : new URLSearchParams())
  const claimed = claimedClientId(asked, c.req.header('Authorization'))
  return claimed === null ? null : sanitized(claimed, MAX_CLIENT_ID)
}

/** Method and path, fit for the log. */
export const endpointOf = (c: Context) => sanitized(`${c.req.method} ${c.req.path}`, MAX_DETAIL)

/** Gives the id, notes what the line of the log is to say, and records after the answer. */
export function explain(c: Context, cause: unknown): Explained {
  const { deps, note } = servingOf(c)
  const isRefusal = cause instanceof OAuthError
  const refusal = isRefusal ? cause : unavailable()
  note.trouble = {
    outcome: isRefusal ? 'refused' : 'fault',
    reason: refusal.code,
    detail: sanitized(isRefusal ? cause.detail : nameOf(cause), MAX_DETAIL),
  }
  // An address where nothing is explains itself, and is asked for by every scanner.
  const correlationId = refusal.status === 404 ? null : note.correlationId
  if (isRefusal && correlationId !== null && refusal.status !== 429) record(c, note.trouble)
  return {
    refusal,
    correlationId,
    issuer: deps.issuer,
    headers: correlationId === null ? {} : { [CORRELATION_HEADER]: correlationId },
  }
}

/**
 * Delays nothing, and losing it is harmless: the log has it. Of one address no more than the limit allows, in a
 * count of its own, so that nobody can keep the database busy by being refused.
 */
function record(c: Context, { reason, detail }: Trouble) {
  const { deps, note } = servingOf(c)
  const refused: Refused = {
    correlationId: note.correlationId,
    refusedAt: contextOf(c).now,
    endpoint: endpointOf(c),
    error: reason,
    detail,
    clientId: clientOf(c),
  }
  const network = networkOf(addressOf(c))
  const write = async () => {
    const isFlood =
      network !== '' && !(await deps.refusalLimit.limit({ key: `recorded ${network}` })).success
    if (!isFlood) await deps.refusals.record(refused)
  }
  c.executionCtx.waitUntil(
    write().catch((fault: unknown) => log('refusal_not_recorded', { fault }, note)),
  )
}
