/** Failed sign-ins on D1: counted by name, by name and network, and by name and browser that the user knows. */

import { digest } from '../crypto/digest.ts'
import { FORGET_FAILURES_SECONDS, type LockoutKind, waitSeconds } from '../domain/lockout.ts'
import { usernameKey } from '../domain/user.ts'
import type { Database } from './database.ts'
import { IS_KNOWN_BROWSER } from './known-browsers.ts'
import type { SignInFailureStore } from './ports.ts'
import { USER_NAMED } from './users.ts'

export const FIND_FAILURES = `SELECT subject, failures, last_failed_at FROM sign_in_failure
  WHERE subject IN (?1, ?2, ?3) AND last_failed_at > ?4`
const COUNT_ONE_MORE = `ON CONFLICT DO UPDATE SET last_failed_at = ?2, failures = iif(last_failed_at > ?3, failures + 1, 1)`
/** Counts from one again when the last failure is long ago. */
export const RECORD_FAILURE = `INSERT INTO sign_in_failure (subject, failures, last_failed_at) VALUES (?1, 1, ?2)
  ${COUNT_ONE_MORE}`
/** Of a browser that is not known nothing is kept: its token may be made up for each attempt. */
export const RECORD_FAILURE_OF_BROWSER = `INSERT INTO sign_in_failure (subject, failures, last_failed_at)
  SELECT ?1, 1, ?2 FROM known_browser k
  WHERE k.user_id = ${USER_NAMED('?4', '?6')} AND k.browser_digest = ?5 AND k.expires_at > ?2
  ${COUNT_ONE_MORE}`
export const CLEAR_FAILURES = `DELETE FROM sign_in_failure WHERE subject IN (?1, ?2)`

type Subjects = Readonly<Record<LockoutKind, string>>

/** All spellings of a name are one, as at sign-in. Nothing readable is kept of who was tried from where. */
async function subjectsOf(username: string, network: string, browser: string): Promise<Subjects> {
  const name = usernameKey(username)
  return {
    name: await digest(JSON.stringify([name])),
    name_from_network: await digest(JSON.stringify([name, network])),
    name_from_known_browser: await digest(JSON.stringify(['known browser', name, browser])),
  }
}

/** No browser has it: a digest has 43 characters. */
const NO_BROWSER = ''
const browserOf = async (token: string | null) =>
  token === null ? NO_BROWSER : await digest(token)

type Failures = { subject: string; failures: number; last_failed_at: number }

export const signInFailureStore = (db: Database): SignInFailureStore => ({
  async lockedUntil(username, network, now, browserToken = null) {
    const browser = await browserOf(browserToken)
    const subjects = await subjectsOf(username, network, browser)
    const { name, name_from_network, name_from_known_browser } = subjects
    const oldest = now - FORGET_FAILURES_SECONDS
    const [found, known] = await db.batch([
      db.prepare(FIND_FAILURES).bind(name, name_from_network, name_from_known_browser, oldest),
      db.prepare(IS_KNOWN_BROWSER).bind(username, browser, now, usernameKey(username)),
    ])
    const kinds: readonly (keyof Subjects)[] = known?.results.length
      ? ['name_from_known_browser']
      : ['name', 'name_from_network']
    const ends = ((found?.results ?? []) as Failures[]).map((row) => {
      const kind = kinds.find((one) => subjects[one] === row.subject)
      return kind ? row.last_failed_at + waitSeconds(kind, row.failures) : 0
    })
    return Math.max(0, ...ends)
  },
  async record(username, network, now, browserToken = null) {
    const browser = await browserOf(browserToken)
    const { name, name_from_network, name_from_known_browser } = await subjectsOf(
      username,
      network,
      browser,
    )
    const oldest = now - FORGET_FAILURES_SECONDS
    await db.batch([
      db.prepare(RECORD_FAILURE).bind(name, now, oldest),
      db.prepare(RECORD_FAILURE).bind(name_from_network, now, oldest),
      db
        .prepare(RECORD_FAILURE_OF_BROWSER)
        .bind(name_from_known_browser, now, oldest, username, browser, usernameKey(username)),
    ])
  },
  async clear(username, network, browserToken = null) {
    const browser = await browserOf(browserToken)
    const subjects = await subjectsOf(username, network, browser)
    await db
      .prepare(CLEAR_FAILURES)
      .bind(subjects.name_from_network, subjects.name_from_known_browser)
      .run()
  },
})
