/** Failed sign-ins in D1, counted by name, by name and network, and by name and known browser. */

import { digest } from '../crypto/digest.ts'
import { FORGET_FAILURES_SECONDS, type LockoutKind, waitSeconds } from '../domain/lockout.ts'
import { usernameKey } from '../domain/user.ts'
import { bound, type Database, rowsIn } from './database.ts'
import { IS_KNOWN_BROWSER } from './known-browsers.ts'
import { USER_NAMED } from './users.ts'

export const FIND_FAILURES = `SELECT subject, failures, last_failed_at FROM sign_in_failure
  WHERE subject IN (?1, ?2, ?3) AND last_failed_at > ?4`
const COUNT_ONE_MORE = `ON CONFLICT DO UPDATE SET last_failed_at = ?2, failures = iif(last_failed_at > ?3, failures + 1, 1)`
/** The count restarts at one if the last failure was before `?3`. */
export const RECORD_FAILURE = `INSERT INTO sign_in_failure (subject, failures, last_failed_at) VALUES (?1, 1, ?2)
  ${COUNT_ONE_MORE}`
/** Writes nothing for an unknown browser, because an attacker may send another token with each attempt. */
export const RECORD_FAILURE_OF_BROWSER = `INSERT INTO sign_in_failure (subject, failures, last_failed_at)
  SELECT ?1, 1, ?2 FROM known_browser k
  WHERE k.user_id = ${USER_NAMED('?4', '?6')} AND k.browser_digest = ?5 AND k.expires_at > ?2
  ${COUNT_ONE_MORE}`
export const CLEAR_FAILURES = `DELETE FROM sign_in_failure WHERE subject IN (?1, ?2)`
/** Undoes one count of the name. The row is as before (`?2` failures, the last at `?3`) if no later attempt was counted. */
export const UNCOUNT_NAME = `UPDATE sign_in_failure SET failures = failures - 1,
    last_failed_at = iif(failures = ?2 + 1, ?3, last_failed_at) WHERE subject = ?1`

/** A counted sign-in attempt, with the counts before it. Instants in epoch seconds. */
type CountedTry = Readonly<{
  lockedUntil: number
  /** The failures of the name and the moment of the last one; both 0 if there were none. */
  nameFailures: number
  nameFailedAt: number
}>

type Subjects = Readonly<Record<LockoutKind, string>>

/** A text that matches no browser: a digest has 43 characters. */
const NO_BROWSER = ''

/** The subjects are digests, so that no name or address is readable. All spellings of a name count as one, as at sign-in. */
async function countedFor(username: string, network: string, browserToken: string | null) {
  const name = usernameKey(username)
  const browser = browserToken === null ? NO_BROWSER : await digest(browserToken)
  const subjects: Subjects = {
    name: await digest(JSON.stringify([name])),
    name_from_network: await digest(JSON.stringify([name, network])),
    name_from_known_browser: await digest(JSON.stringify(['known browser', name, browser])),
  }
  return { browser, subjects }
}

type Failures = { subject: string; failures: number; last_failed_at: number }

/** Failures before this moment do not count. */
const oldestAt = (now: number) => now - FORGET_FAILURES_SECONDS

const findStatements = (
  db: Database,
  { name, name_from_network, name_from_known_browser }: Subjects,
  { username, browser, now }: Readonly<{ username: string; browser: string; now: number }>,
) => [
  bound(db, FIND_FAILURES, name, name_from_network, name_from_known_browser, oldestAt(now)),
  bound(db, IS_KNOWN_BROWSER, username, browser, now, usernameKey(username)),
]

function lockedUntilOf(
  subjects: Subjects,
  now: number,
  [found, known]: readonly D1Result[],
): number {
  const kinds: readonly (keyof Subjects)[] = known?.results.length
    ? ['name_from_known_browser']
    : ['name', 'name_from_network']
  const ends = rowsIn<Failures>(found).map((row) => {
    const kind = kinds.find((one) => subjects[one] === row.subject)
    const wait = kind ? waitSeconds(kind, row.failures) : 0
    // If there is no wait, a failure dated later than `now` (by a clock that is ahead) must not cause a wait.
    return wait > 0 ? row.last_failed_at + wait : Math.min(row.last_failed_at, now)
  })
  return Math.max(0, ...ends)
}

export type SignInFailureStore = ReturnType<typeof signInFailureStore>

/** `browserToken` is the value of the browser's cookie; null if there is no cookie. */
export const signInFailureStore = (db: Database) => ({
  /**
   * Epoch seconds until which this name may not be tried from this network; a past moment if it may be tried. For a browser
   * from which the user has signed in, only failures from that browser count.
   */
  async lockedUntil(
    username: string,
    network: string,
    now: number,
    browserToken: string | null = null,
  ): Promise<number> {
    const { browser, subjects } = await countedFor(username, network, browserToken)
    const asked = { username, browser, now }
    return lockedUntilOf(subjects, now, await db.batch(findStatements(db, subjects, asked)))
  },
  /** Counts an attempt as a failure before the password is checked, so that simultaneous attempts see each other's counts. */
  async record(
    username: string,
    network: string,
    now: number,
    browserToken: string | null = null,
  ): Promise<CountedTry> {
    const { browser, subjects } = await countedFor(username, network, browserToken)
    const { name, name_from_network, name_from_known_browser } = subjects
    const oldest = oldestAt(now)
    const known = [username, browser, usernameKey(username)]
    const outcomes = await db.batch([
      ...findStatements(db, subjects, { username, browser, now }),
      bound(db, RECORD_FAILURE, name, now, oldest),
      bound(db, RECORD_FAILURE, name_from_network, now, oldest),
      bound(db, RECORD_FAILURE_OF_BROWSER, name_from_known_browser, now, oldest, ...known),
    ])
    const before = rowsIn<Failures>(outcomes[0]).find(({ subject }) => subject === name)
    return {
      lockedUntil: lockedUntilOf(subjects, now, outcomes),
      nameFailures: before?.failures ?? 0,
      nameFailedAt: before?.last_failed_at ?? 0,
    }
  },
  /** Clears the count after a success. Failures from other networks and browsers still count. */
  async clear(
    username: string,
    network: string,
    browserToken: string | null,
    { nameFailures, nameFailedAt }: CountedTry,
  ): Promise<void> {
    const { subjects } = await countedFor(username, network, browserToken)
    await db.batch([
      bound(db, CLEAR_FAILURES, subjects.name_from_network, subjects.name_from_known_browser),
      bound(db, UNCOUNT_NAME, subjects.name, nameFailures, nameFailedAt),
    ])
  },
})
