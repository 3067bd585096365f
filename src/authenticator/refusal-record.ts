/** Records the authenticator's refusals for `npm run admin -- why ID`, if D1 and a rate limit are bound. */

import { limitInTime, withDeadline } from '../deadline.ts'
import { networkOf } from '../domain/network.ts'
import { sanitized } from '../protocol/sanitize.ts'
import type { Refused } from '../stores/refusals.ts'
import { refusalStore } from '../stores/refusals.ts'
import type { RefusedCheck } from './check.ts'
import { type Asking, logFault } from './log.ts'
import type { AuthenticatorEnv } from './settings.ts'

const MAX_DETAIL_LENGTH = 200

type RecordRefusal = (asking: Asking, refused: RefusedCheck, correlationId: string) => void

/**
 * A lost record is harmless, because the log has the refusal. The rate limit bounds the records of one network, and all
 * callers without an address together, so that refusals cannot overload the database. If the rate limit does not answer,
 * nothing is recorded.
 */
export function refusalRecorder(env: AuthenticatorEnv, timeoutSeconds: number): RecordRefusal {
  const { DB, REFUSAL_LIMIT } = env
  if (!DB || !REFUSAL_LIMIT) return () => {}
  const store = withDeadline(refusalStore(DB), timeoutSeconds)
  const refusalLimit = limitInTime(REFUSAL_LIMIT)

  const write = async (refused: Refused, address: string) => {
    const { success } = await refusalLimit.limit({ key: `recorded ${networkOf(address)}` })
    if (success) await store.record(refused)
  }
  return (
    { endpoint, startedAtMs, address, defer },
    { refusal, detail, clientId },
    correlationId,
  ) => {
    // A fault is logged and not recorded.
    if (!defer || refusal.status === 503) return
    const refused = {
      correlationId,
      refusedAt: Math.floor(startedAtMs / 1000),
      endpoint,
      error: refusal.error,
      detail: sanitized(detail ?? refusal.reason, MAX_DETAIL_LENGTH),
      clientId: clientId ?? null,
    }
    defer(
      write(refused, address).catch((fault: unknown) =>
        logFault('refusal_not_recorded', fault, correlationId),
      ),
    )
  }
}
