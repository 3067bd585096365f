/** Removes what is left of clients and users that are deleted. */

import type { DeletionStore } from '../../stores/deletions.ts'

/** The most time that work after a response, or cron, may take. */
const MAX_RUN_MS = 20_000
/** A Worker may send D1 1000 statements, and a round has seven. */
const MAX_ROUNDS = 100

export type DeletionDeps = Readonly<{
  deletions: DeletionStore
  /** Epoch milliseconds. */
  nowMs: () => number
}>

/** Works in rounds until nothing is left or the time is over; cron continues in the next minute. Throws if storage fails. */
export async function finishDeletions({ deletions, nowMs }: DeletionDeps): Promise<void> {
  const endsAtMs = nowMs() + MAX_RUN_MS
  for (let round = 1; round <= MAX_ROUNDS && nowMs() < endsAtMs; round += 1) {
    const deletion = await deletions.next()
    if (!deletion) return
    await deletions.removeSome(deletion)
  }
}
