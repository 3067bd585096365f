/** Acts that end what was issued: in D1 with the act itself, in one batch, and then shown in KV. */

import type { Command } from 'commander'
import type { AuditEvent } from '../domain/audit.ts'
import {
  ALL_REVOKED_WITHIN_SECONDS,
  type Ended,
  HEAL_SECONDS,
  UNDER_WAY_SECONDS,
} from '../domain/revocation.ts'
import { oneLine } from '../operate/refusal.ts'
import { retryWhenBusy } from '../operate/retry-when-busy.ts'
import type { Storage } from '../operate/state.ts'
import { recordStatement } from '../stores/audit.ts'
import type { Database } from '../stores/database.ts'
import {
  projectRevocations,
  revocationStatements,
  revokeStatement,
  spareStatement,
} from '../stores/revocations.ts'
import { answerFrom, type ForPeople, type Io, note } from './verb.ts'

/** One act of the administrator: its moment, whose it is, and the settings of the registry that it must know. */
export type Act = Readonly<{
  nowMs: number
  /** The same moment in epoch seconds. */
  now: number
  /** For the audit. */
  actor: string
  /** Of access tokens, and the longest of any session. */
  sessionLifetimeSeconds: number
  longestSessionSeconds: number
  /** How old a record of a client may be on which a token is issued. */
  oldestClientSeconds: number
  usersAreExternal: boolean
}>

/** `revokes`: KV must be told. */
export type Done<Document = unknown> = Readonly<{ document: Document; revokes: boolean }>

/** For the help of every command that ends something. */
export const WITHIN = `within ${ALL_REVOKED_WITHIN_SECONDS} s`
export const NOT_SHOWN = `D1 has the revocation, but KV could not be written; cron does it within ${HEAL_SECONDS} s more`

/** Whoever holds the credentials is the administrator; the name is this machine's word and no proof. */
function actorOf({ USER, LOGNAME, USERNAME }: Io['env']): string {
  const name = USER || LOGNAME || USERNAME
  return name ? `administrator ${name}` : 'administrator'
}

/** Answers the moment of an act, to be asked when the storage is at hand: not what went on during a wait for it. */
export async function actsOf(io: Io): Promise<() => Act> {
  const { readRegistrySettings } = await import('../operate/registry-settings.ts')
  const settings = readRegistrySettings(io.env)
  const { sessionLifetimeSeconds, longestSessionSeconds, loginUrl } = settings
  const { clientCacheSeconds, staleClientSeconds } = settings
  const oldestClientSeconds = Math.max(clientCacheSeconds, staleClientSeconds)
  return () => {
    const nowMs = Date.now()
    const now = Math.floor(nowMs / 1000)
    const usersAreExternal = loginUrl !== null
    const actor = actorOf(io.env)
    const lifetimes = { sessionLifetimeSeconds, longestSessionSeconds, oldestClientSeconds }
    return { nowMs, now, actor, ...lifetimes, usersAreExternal }
  }
}

/**
 * The act's row in the audit. In its batch it follows the statement that decides whether the act does anything.
 * `detail` holds neither a secret nor a digest.
 */
export const recording = (
  db: Database,
  act: Act,
  event: AuditEvent,
  about: Readonly<{ clientId?: string; userId?: string }>,
  detail: Readonly<Record<string, unknown>> = {},
) => {
  const { clientId = null, userId = null } = about
  return recordStatement(db, {
    happenedAt: act.now,
    actor: act.actor,
    event,
    clientId,
    userId,
    detail,
  })
}

/** Of a client or a user, by its id: all that there is up to now, or only what is named. */
export const ending = (
  db: Database,
  kind: 'client' | 'user',
  id: string,
  act: Act,
  ended?: readonly Ended[],
) => revocationStatements(db, kind, idsOf(kind, id), act.nowMs, lifetimeOf(kind, act), ended)

/** A client has access tokens alone, a user browser sessions too. */
const lifetimeOf = (kind: 'client' | 'user', act: Act) =>
  kind === 'client' ? act.sessionLifetimeSeconds : act.longestSessionSeconds

/**
 * As `ending`, for a client of which something is no longer true: also what is issued later as if it were, so it is
 * kept for as long as the last of that may live.
 */
export function endingWhatRestsOn(
  db: Database,
  clientId: string,
  act: Act,
  ended: readonly Ended[],
) {
  const lastsSeconds = act.oldestClientSeconds + UNDER_WAY_SECONDS + act.sessionLifetimeSeconds
  const others = ended.filter((one) => one !== 'sessions')
  return [
    ...ending(db, 'client', clientId, act, others),
    ...(ended.includes('sessions')
      ? [revokeStatement(db, 'client_record', [clientId], act.nowMs, lastsSeconds)]
      : []),
  ]
}

/**
 * As `ending`, for one that may have no more sessions. So it reaches as far as one may still be opened: by a
 * request under way, or on a record of the client that an isolate has kept.
 */
export function endingForGood(db: Database, kind: 'client' | 'user', id: string, act: Act) {
  const lateSeconds = UNDER_WAY_SECONDS + (kind === 'client' ? act.oldestClientSeconds : 0)
  const untilMs = act.nowMs + lateSeconds * 1000
  return [
    ...ending(db, kind, id, act),
    revokeStatement(db, kind, [id], untilMs, lifetimeOf(kind, act)),
  ]
}

/** The end of `endingForGood`: nothing is revived, and what is opened from now on is good. */
export const sparing = (db: Database, kind: 'client' | 'user', id: string, act: Act) => [
  spareStatement(db, kind, id, act.nowMs),
]

const idsOf = (kind: 'client' | 'user', id: string) =>
  kind === 'client' ? { clientId: id } : { userId: id }

/** Answers whether KV was written. D1 is the truth, so that it was not is no failure of the act. */
export async function showInKv({ db, sessions }: Storage, act: Act, io: Io): Promise<boolean> {
  try {
    await retryWhenBusy(() =>
      projectRevocations(db, sessions, act.nowMs, act.longestSessionSeconds),
    )
    return true
  } catch (fault) {
    note(io, `${NOT_SHOWN} (${oneLine(fault)})`)
    return false
  }
}

/** As `answer`, for an act that may revoke. */
export async function answerAct<Document>(
  command: Command,
  io: Io,
  work: (db: Database, act: Act) => Promise<Done<Document>>,
  forPeople?: ForPeople<Document>,
) {
  const begin = await actsOf(io)
  const perform = async (storage: Storage) => {
    const act = begin()
    const { document, revokes } = await work(storage.db, act)
    if (revokes) await showInKv(storage, act, io)
    return document
  }
  return answerFrom(command, io, perform, forPeople)
}
