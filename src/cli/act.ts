/** Acts that end what was issued: in D1 with the act itself, in one batch, and then shown in KV. */

import type { Command } from 'commander'
import type { AuditEvent } from '../domain/audit.ts'
import {
  ALL_REVOKED_WITHIN_SECONDS,
  CRON_INTERVAL_SECONDS,
  type Ended,
} from '../domain/revocation.ts'
import { oneLine } from '../local/refusal.ts'
import { retryWhenBusy } from '../local/retry-when-busy.ts'
import type { Storage } from '../local/state.ts'
import { recordStatement } from '../stores/audit.ts'
import type { Database } from '../stores/database.ts'
import { projectRevocations } from '../stores/revocation-document.ts'
import { revocationStatements } from '../stores/revocation-statements.ts'
import { answerFrom, type ForPeople, type Io, note } from './verb.ts'

/** One act of the administrator: its moment, whose it is, and the settings of the registry that it must know. */
export type Act = Readonly<{
  /** Epoch seconds by the clock of this machine: for what is told of the act. What ends is dated by D1. */
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
export const NOT_SHOWN = `D1 has the revocation, but KV could not be written; cron does it within ${CRON_INTERVAL_SECONDS} s more`

/** Whoever holds the credentials is the administrator; the name is this machine's word and no proof. */
function actorOf({ USER, LOGNAME, USERNAME }: Io['env']): string {
  const name = USER || LOGNAME || USERNAME
  return name ? `administrator ${name}` : 'administrator'
}

/** Answers the moment of an act, to be asked when the storage is at hand: not what went on during a wait for it. */
export async function actsOf(io: Io): Promise<() => Act> {
  const { readRegistrySettings } = await import('../local/registry-settings.ts')
  const settings = readRegistrySettings(io.env)
  const { sessionLifetimeSeconds, longestSessionSeconds, loginUrl } = settings
  const { clientCacheSeconds, staleClientSeconds } = settings
  const oldestClientSeconds = Math.max(clientCacheSeconds, staleClientSeconds)
  return () => {
    const now = Math.floor(Date.now() / 1000)
    const usersAreExternal = loginUrl !== null
    const actor = actorOf(io.env)
    const lifetimes = { sessionLifetimeSeconds, longestSessionSeconds, oldestClientSeconds }
    return { now, actor, ...lifetimes, usersAreExternal }
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

/** Of a client or a user, by its id: all that there is when the act is committed, or only what is named. */
export const ending = (
  db: Database,
  kind: 'client' | 'user',
  id: string,
  act: Act,
  ended?: readonly Ended[],
) =>
  revocationStatements(
    db,
    kind === 'client' ? { kind, clientId: id } : { kind, userId: id },
    lifetimeOf(kind, act),
    ended,
  )

/** A client has access tokens alone, a user browser sessions too. */
const lifetimeOf = (kind: 'client' | 'user', act: Act) =>
  kind === 'client' ? act.sessionLifetimeSeconds : act.longestSessionSeconds

/** The longest that a session may still live that is opened on a copy of a client's record as it was. */
export const lastOfRecord = (act: Act) => act.sessionLifetimeSeconds + act.oldestClientSeconds

/**
 * As `ending`, for a client or a user that may have no more sessions: also what is opened later by a request under way,
 * or on a copy of the client's record that an isolate has kept. Nothing of it is taken back by `enable`.
 */
export const endingForGood = (db: Database, kind: 'client' | 'user', id: string, act: Act) =>
  kind === 'client'
    ? revocationStatements(db, { kind: 'client_record', clientId: id }, lastOfRecord(act))
    : ending(db, kind, id, act)

/** Answers whether KV was written. D1 is the truth, so that it was not is no failure of the act. */
export async function showInKv({ db, sessions }: Storage, io: Io): Promise<boolean> {
  try {
    await retryWhenBusy(() => projectRevocations(db, sessions))
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
    if (revokes) await showInKv(storage, io)
    return document
  }
  return answerFrom(command, io, perform, forPeople)
}
