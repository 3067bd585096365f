/** Failed sign-ins on D1, counted by name and by name and network. */

import { digest } from '../crypto/digest.ts'
import { FORGET_FAILURES_SECONDS, type LockoutKind, waitSeconds } from '../domain/lockout.ts'
import type { Database } from './database.ts'
import type { SignInFailureStore } from './ports.ts'

export const FIND_FAILURES = `SELECT subject, failures, last_failed_at FROM sign_in_failure
  WHERE subject IN (?1, ?2) AND last_failed_at > ?3`
/** Counts from one again when the last failure is long ago. */
export const RECORD_FAILURE = `INSERT INTO sign_in_failure (subject, failures, last_failed_at) VALUES (?1, 1, ?2)
  ON CONFLICT DO UPDATE SET last_failed_at = ?2, failures = iif(last_failed_at > ?3, failures + 1, 1)`
export const CLEAR_FAILURES = `DELETE FROM sign_in_failure WHERE subject = ?1`

/** Names are one whatever their case, as at sign-in. Nothing readable is kept of who was tried from where. */
const subjectsOf = async (username: string, network: string) => {
  const name = username.toLowerCase()
  return {
    name: await digest(JSON.stringify([name])),
    name_from_network: await digest(JSON.stringify([name, network])),
  } satisfies Partial<Record<LockoutKind, string>>
}

export const signInFailureStore = (db: Database): SignInFailureStore => ({
  async lockedUntil(username, network, now) {
    const subjects = await subjectsOf(username, network)
    const { results } = await db
      .prepare(FIND_FAILURES)
      .bind(subjects.name, subjects.name_from_network, now - FORGET_FAILURES_SECONDS)
      .all<{ subject: string; failures: number; last_failed_at: number }>()
    const ends = results.map(({ subject, failures, last_failed_at }) => {
      const kind = subject === subjects.name ? 'name' : 'name_from_network'
      return last_failed_at + waitSeconds(kind, failures)
    })
    return Math.max(0, ...ends)
  },
  async record(username, network, now) {
    const subjects = Object.values(await subjectsOf(username, network))
    const oldest = now - FORGET_FAILURES_SECONDS
    await db.batch(subjects.map((one) => db.prepare(RECORD_FAILURE).bind(one, now, oldest)))
  },
  async clear(username, network) {
    const { name_from_network } = await subjectsOf(username, network)
    await db.prepare(CLEAR_FAILURES).bind(name_from_network).run()
  },
})
