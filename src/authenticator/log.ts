/** The log: a line of JSON for each fault and each refused credential, a data point for each check. */

import { newCorrelationId } from '../crypto/random.ts'
import { asksForCredential } from '../protocol/bearer.ts'
import { dataPointIndex } from '../protocol/sanitize.ts'
import type { DataPoints } from '../stores/database.ts'
import type { Checked } from './check.ts'

/** `correlationId`: the id of the failed check. */
export function logFault(event: string, fault: unknown, correlationId?: string): void {
  const detail = fault instanceof Error ? `${fault.name}: ${fault.message}` : String(fault)
  // biome-ignore lint/suspicious/noConsole: this is the log of a Worker
  console.error(JSON.stringify({ level: 'error', event, correlationId, detail }))
}

/** Runs work after the response, like `waitUntil`. */
export type Defer = (work: Promise<unknown>) => void

/** How and when a check was requested. */
export type Asking = Readonly<{
  endpoint: string
  startedAtMs: number
  /** The caller's address; empty if the caller uses a binding. */
  address: string
  defer: Defer | undefined
}>

function summaryOf(outcome: Checked) {
  if (outcome.kind === 'refused') {
    const { status, reason } = outcome.refusal
    return { outcome: status === 503 ? 'fault' : 'refused', reason, status, clientId: '' }
  }
  const clientId = outcome.kind === 'authenticated' ? outcome.session.client?.client_id : ''
  return { outcome: outcome.kind, reason: '', status: 200, clientId: clientId ?? '' }
}

/** Returns the id of the logged line, or null: successes and callers without a credential are too many to log. */
export function tell(
  { endpoint, startedAtMs }: Asking,
  outcome: Checked,
  dataPoints: DataPoints | null,
): string | null {
  const isRefused = outcome.kind === 'refused' && !asksForCredential(outcome.refusal)
  if (!isRefused && !dataPoints) return null
  const { clientId, ...summary } = summaryOf(outcome)
  const ms = Date.now() - startedAtMs
  try {
    dataPoints?.writeDataPoint({
      indexes: [dataPointIndex(clientId)],
      blobs: [endpoint, summary.outcome, summary.reason, clientId],
      doubles: [ms, summary.status],
    })
  } catch (fault) {
    logFault('data_point_lost', fault)
  }
  if (!isRefused) return null
  const correlationId = outcome.refusal.correlationId ?? newCorrelationId()
  // biome-ignore lint/suspicious/noConsole: this is the log of a Worker
  console.log(JSON.stringify({ event: 'check', correlationId, endpoint, ...summary, ms }))
  return correlationId
}
