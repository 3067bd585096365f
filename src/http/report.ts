/** Reports a request to the operator: a line of the log, a data point and, for a refusal, a row for `why`. */

import { networkOf } from '../domain/network.ts'
import type { OAuthError } from '../protocol/errors.ts'
import { dataPointIndex, sanitized } from '../protocol/sanitize.ts'
import type { DataPoints } from '../stores/database.ts'
import type { RefusalStore } from '../stores/refusals.ts'
import type { FloodLimit } from './flood.ts'
import { claimedClientOf, type HttpContext } from './request-context.ts'

export type ReportDeps = Readonly<{
  /** Does the log have a line for successful requests too? */
  logsAnswers: boolean
  /** Null if Analytics Engine is not bound. */
  dataPoints: DataPoints | null
  refusals: RefusalStore
  refusalLimit: FloodLimit
}>

const MAX_DETAIL_LENGTH = 200

const UNAVAILABLE = 503
const TOO_MANY = 429

const isRecorded = (refusal: OAuthError) =>
  refusal.hasReference && refusal.status !== TOO_MANY && refusal.status !== UNAVAILABLE

function outcomeOf(refusal: OAuthError | undefined) {
  if (!refusal) return 'answered'
  return refusal.status === UNAVAILABLE ? 'fault' : 'refused'
}

export function report(
  c: HttpContext,
  { status, startedAtMs }: Readonly<{ status: number; startedAtMs: number }>,
  deps: ReportDeps,
) {
  const refusal = c.get('refusal')
  const { logsAnswers, dataPoints } = deps
  if (!refusal && !logsAnswers && !dataPoints) return
  const { log } = c.get('request')
  const endpoint = sanitized(`${c.req.method} ${c.req.path}`, MAX_DETAIL_LENGTH)
  const clientId = claimedClientOf(c)
  const outcome = outcomeOf(refusal)
  const nowMs = Date.now()
  const ms = nowMs - startedAtMs
  const why = refusal && {
    reason: refusal.reason,
    detail: sanitized(refusal.detail, MAX_DETAIL_LENGTH),
  }
  if (refusal || logsAnswers) {
    log('request', { endpoint, clientId, outcome, ...why, status, ms })
  }
  try {
    dataPoints?.writeDataPoint({
      indexes: [dataPointIndex(clientId ?? '')],
      blobs: [endpoint, outcome, why?.reason ?? '', clientId ?? ''],
      doubles: [ms, status],
    })
  } catch (fault) {
    log('data_point_lost', { fault })
  }
  if (!refusal || !why || !isRecorded(refusal)) return
  const { reason: error, detail } = why
  record(c, { refusedAt: Math.floor(nowMs / 1000), endpoint, error, detail, clientId }, deps)
}

/**
 * The record delays no response. A lost record is harmless, because the log has the refusal. A separate rate limit bounds the
 * records of one address, so that refusals cannot overload the database.
 */
function record(
  c: HttpContext,
  refused: Omit<Parameters<RefusalStore['record']>[0], 'correlationId'>,
  { refusals, refusalLimit }: ReportDeps,
) {
  const { correlationId, ipAddress, defer, log } = c.get('request')
  const network = networkOf(ipAddress)
  const write = async () => {
    const isFlood =
      network !== '' && !(await refusalLimit.limit({ key: `recorded ${network}` })).success
    if (!isFlood) await refusals.record({ correlationId: correlationId(), ...refused })
  }
  defer(write().catch((fault: unknown) => log('refusal_not_recorded', { fault })))
}
