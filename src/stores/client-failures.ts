/** Failed client authentications: counted on D1 by client and network, and for how long nothing is looked at. */

import { digest } from '../crypto/digest.ts'
import { FLOOD_PERIOD_SECONDS, FORGET_FAILURES_SECONDS, waitSeconds } from '../domain/lockout.ts'
import type { Database } from './database.ts'
import { makeRoom } from './make-room.ts'
import type { ClientFailureStore } from './ports.ts'
import { RECORD_FAILURE } from './sign-in-failures.ts'

export const COUNT_FAILURE = `${RECORD_FAILURE} RETURNING failures`

/** Bounds the memory, about 100 bytes each: so many failures of others end the oldest wait early. */
const MAX_WAITS = 10_000

/** What an isolate keeps: until when (epoch seconds) nothing is looked at, by subject. */
export type Waits = Map<string, number>

/** Nothing readable is kept of which client was tried from where. */
const subjectOf = (clientId: string, network: string) =>
  digest(JSON.stringify(['client', clientId, network]))

/**
 * `flood` bounds what one network can make D1 count. Beyond that a failure is not counted and costs the longest
 * wait that the flood lasts, so that nobody hides guesses among other failures. Where `flood` does not answer, every
 * failure is counted, or a guess would cost nothing.
 */
export function clientFailureStore(
  waits: Waits,
  db: Database,
  flood: Pick<RateLimit, 'limit'>,
): ClientFailureStore {
  async function count(subject: string, now: number): Promise<number> {
    const statement = db.prepare(COUNT_FAILURE).bind(subject, now, now - FORGET_FAILURES_SECONDS)
    return (await statement.first<number>('failures')) ?? 1
  }

  return {
    lockedUntil: async (clientId, network) =>
      waits.size === 0 ? 0 : (waits.get(await subjectOf(clientId, network)) ?? 0),
    async record(clientId, network, now) {
      const subject = await subjectOf(clientId, network)
      const asked = flood.limit({ key: `counted ${network}` })
      const { success } = await asked.catch(() => ({ success: true }))
      const wait = success
        ? waitSeconds('client_from_network', await count(subject, now))
        : FLOOD_PERIOD_SECONDS
      const until = Math.max(now + wait, waits.get(subject) ?? 0)
      waits.delete(subject)
      if (until <= now) return
      makeRoom(waits, MAX_WAITS)
      waits.set(subject, until)
    },
  }
}
