/**
 * Every refusal and every fault gets a correlation id. The caller sees the id; what it stands for goes to one
 * line of the log and, of a refusal, to the table that `npm run admin -- why ID` reads.
 */

import type { Context, MiddlewareHandler } from 'hono'
import { newCorrelationId } from '../crypto/correlation-id.ts'
import { networkOf } from '../domain/network.ts'
import { fitForLog } from '../protocol/callers-words.ts'
import { claimedClientId } from '../protocol/claimed-client.ts'
import { OAuthError } from '../protocol/errors.ts'
import { type Fields, firstFields } from '../protocol/fields.ts'
import type { RefusalStore, Refused } from '../stores/ports.ts'
import { addressOf, circumstancesOf } from './circumstances.ts'
import type { FloodLimit } from './flood.ts'
import { log, nameOf } from './log.ts'

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

const DEPS = 'explaining'
const FORM = 'claims'

/** Lets `explain` find what it needs in any request of this application. */
export const explaining =
  (deps: RefusalDeps): MiddlewareHandler =>
  async (c, next) => {
    c.set(DEPS, deps)
    await next()
  }

/** Notes a form that was read, so that a refusal can name the client that sent it. */
export const noteForm = (c: Context, pairs: URLSearchParams) => c.set(FORM, firstFields(pairs))

/** Everything that is not a refusal is a fault: logged, and told as no more than "not now". */
const unavailable = () =>
  new OAuthError('temporarily_unavailable', 'The service cannot answer now. Try again shortly.', {
    headers: { 'Retry-After': String(RETRY_AFTER_SECONDS) },
  })

/** Whom the request says it is from, fit for the log. */
export function clientOf(c: Context): string | null {
  const form = c.get(FORM) as Fields | undefined
  const fields = form ?? firstFields(new URL(c.req.url).searchParams)
  const claimed = claimedClientId(fields, c.req.header('Authorization'))
  return claimed === null ? null : fitForLog(claimed, MAX_CLIENT_ID)
}

/** Gives the id, writes the line, and records after the answer. */
export function explain(c: Context, cause: unknown): Explained {
  const { issuer } = c.get(DEPS) as RefusalDeps
  const isRefusal = cause instanceof OAuthError
  const refusal = isRefusal ? cause : unavailable()
  // An address where nothing is explains itself, and is asked for by every scanner.
  const correlationId = refusal.status === 404 ? null : newCorrelationId()
  const told = {
    correlationId: correlationId ?? '',
    endpoint: fitForLog(`${c.req.method} ${c.req.path}`, MAX_DETAIL),
    error: refusal.code,
    detail: fitForLog(isRefusal ? cause.detail : nameOf(cause), MAX_DETAIL),
    clientId: clientOf(c),
  }
  log(isRefusal ? 'refused' : 'fault', { ...told, status: refusal.status })
  if (isRefusal && correlationId !== null && refusal.status !== 429) record(c, told)
  return {
    refusal,
    correlationId,
    issuer,
    headers: correlationId === null ? {} : { [CORRELATION_HEADER]: correlationId },
  }
}

/**
 * Delays nothing, and losing it is harmless: the log has it. Of one address no more than the limit allows, in a
 * count of its own, so that nobody can keep the database busy by being refused.
 */
function record(c: Context, told: Omit<Refused, 'refusedAt'>) {
  const { refusals, refusalLimit } = c.get(DEPS) as RefusalDeps
  const { now } = circumstancesOf(c)
  const network = networkOf(addressOf(c))
  const write = async () => {
    const isFlood =
      network !== '' && !(await refusalLimit.limit({ key: `recorded ${network}` })).success
    if (!isFlood) await refusals.record({ ...told, refusedAt: now })
  }
  c.executionCtx.waitUntil(
    write().catch((fault: unknown) =>
      log('refusal_not_recorded', { correlationId: told.correlationId, fault: nameOf(fault) }),
    ),
  )
}
