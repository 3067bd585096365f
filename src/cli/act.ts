/** Acts of the administrator. Each is one batch in D1 with its audit row and what it ends; then KV shows what ended. */

import type { Command } from 'commander'
import type { AuditEvent } from '../domain/audit.ts'
import { endorsementCovers } from '../domain/category.ts'
import { ALL_REVOKED_WITHIN_SECONDS, CRON_INTERVAL_SECONDS } from '../domain/revocation.ts'
import { scopeCovers } from '../domain/scope.ts'
import { oneLine } from '../local/refusal.ts'
import type { Storage } from '../local/state.ts'
import { retryWhenBusy } from '../local/state-lock.ts'
import { recordStatement } from '../stores/audit.ts'
import { projectRevocations } from '../stores/revocation-document.ts'
import { revocationStatements } from '../stores/revocation-statements.ts'
import type { UserLists } from '../stores/user-changes.ts'
import { addOptions, type Fields, readGiven } from './fields.ts'
import { type ForPeople, type Io, note, printFrom, refuseUsage, verb } from './verb.ts'

/** One act: its storage, its moment, who does it, and the settings of the registry that it depends on. */
export type Act = Pick<Storage, 'db' | 'sessions'> &
  Readonly<{
    /** Epoch seconds by the clock of this machine, for the audit. D1 dates what ends. */
    now: number
    /** For the audit. */
    actor: string
    /** The lifetime of access tokens, and the longest of any session. */
    sessionLifetimeSeconds: number
    longestSessionSeconds: number
    /** How old a client's record may be when a token is issued on it. */
    oldestClientSeconds: number
    usersAreExternal: boolean
    note: (line: string) => void
  }>

/** `revokes`: KV must show it. */
export type Done<Document extends object = object> = Readonly<{
  document: Document
  revokes: boolean
}>

/** For the help of every command that ends something. */
export const WITHIN = `within ${ALL_REVOKED_WITHIN_SECONDS} s`
export const NOT_SHOWN = `D1 has the revocation, but KV could not be written; cron does it within ${CRON_INTERVAL_SECONDS} s more`

/** The credentials make the administrator. The name is what this machine says, and proves nothing. */
function actorOf({ USER, LOGNAME, USERNAME }: Io['env']): string {
  const name = USER || LOGNAME || USERNAME
  return name ? `administrator ${name}` : 'administrator'
}

/** Begins an act when the storage is open, so that its moment is after any wait. */
export async function actsOf(io: Io): Promise<(storage: Storage) => Act> {
  const { readRegistrySettings } = await import('../local/settings.ts')
  const settings = readRegistrySettings(io.env)
  const { sessionLifetimeSeconds, longestSessionSeconds } = settings
  return ({ db, sessions }) => ({
    db,
    sessions,
    now: Math.floor(Date.now() / 1000),
    actor: actorOf(io.env),
    sessionLifetimeSeconds,
    longestSessionSeconds,
    oldestClientSeconds: Math.max(settings.clientCacheSeconds, settings.staleClientSeconds),
    usersAreExternal: settings.loginUrl !== null,
    note: (line) => note(io, line),
  })
}

/**
 * The act's row in the audit. In its batch it follows the statement that decides whether the act does anything.
 * `detail` holds neither a secret nor a digest.
 */
export const recording = (
  { db, now, actor }: Act,
  event: AuditEvent,
  {
    clientId = null,
    userId = null,
  }: Readonly<{ clientId?: string | null; userId?: string | null }>,
  detail: Readonly<Record<string, unknown>> = {},
) => recordStatement(db, { happenedAt: now, actor, event, clientId, userId, detail })

/** Ends all that a client or a user has when the act is committed. Users have browser sessions too. */
export const ending = (act: Act, kind: 'client' | 'user', id: string) =>
  kind === 'client'
    ? revocationStatements(act.db, { kind, clientId: id }, act.sessionLifetimeSeconds)
    : revocationStatements(act.db, { kind, userId: id }, act.longestSessionSeconds)

/** How long a session may still live that is opened on an isolate's copy of a client's record. */
export const lastOfRecord = (act: Act) => act.sessionLifetimeSeconds + act.oldestClientSeconds

/**
 * As `ending`, for a client that is disabled or deleted: also ends what is opened later by a request under way, or on an
 * isolate's copy of the client's record. `enable` takes none of it back.
 */
export const endingWithRecord = (act: Act, id: string) =>
  revocationStatements(act.db, { kind: 'client_record', clientId: id }, lastOfRecord(act))

/** Returns whether KV was written. The act stands without it: D1 has the revocation. */
export async function showInKv({ db, sessions, note }: Act): Promise<boolean> {
  try {
    await retryWhenBusy(() => projectRevocations(db, sessions))
    return true
  } catch (fault) {
    note(`${NOT_SHOWN} (${oneLine(fault)})`)
    return false
  }
}

/** As `printFrom`, for an act. */
export async function printAct<Document extends object>(
  command: Command,
  io: Io,
  work: (act: Act) => Promise<Done<Document>>,
  forPeople?: ForPeople<Document>,
) {
  const begin = await actsOf(io)
  const perform = async (storage: Storage) => {
    const act = begin(storage)
    const { document, revokes } = await work(act)
    if (revokes) await showInKv(act)
    return document
  }
  return printFrom(command, io, perform, forPeople)
}

type Verb = Readonly<{
  name: string
  description: string
  /** What follows the name. */
  example: string
}>

/** Verbs that take an id and no option of their own. */
export function addActs(
  noun: Command,
  io: Io,
  acts: readonly (Verb & Readonly<{ work: (act: Act, id: string) => Promise<Done> }>)[],
) {
  for (const { name, description, example, work } of acts) {
    verb(noun, `${name} <id>`, description, `${name} ${example}`).action(
      (id: string, _options, command: Command) => printAct(command, io, (act) => work(act, id)),
    )
  }
}

type ListsVerb<Lists> = Verb &
  Readonly<{
    work: (act: Act, id: string, lists: Partial<Lists>) => Promise<Done>
  }>

/** `authorize` and `withdraw`: verbs that take an id and lists, one value at least. */
export function addListsVerbs<Lists>(
  noun: Command,
  io: Io,
  { fields, needs }: Readonly<{ fields: Fields<Lists>; needs: string }>,
  verbs: readonly ListsVerb<Lists>[],
) {
  for (const { name, description, example, work } of verbs) {
    addOptions(verb(noun, `${name} <id>`, description, `${name} ${example}`), fields).action(
      (id: string, options: Record<string, unknown>, command: Command) => {
        const lists = readGiven(fields, options)
        if (Object.values(lists).every((list) => (list as readonly string[]).length === 0)) {
          refuseUsage(command, `name at least one ${needs}`)
        }
        return printAct(command, io, (act) => work(act, id, lists))
      },
    )
  }
}

/** Says which of the withdrawn values the client or the user still has, since a wider one covers them. */
export function noteStillCovered(
  act: Act,
  withdrawn: UserLists,
  held: Readonly<Required<UserLists>>,
) {
  const noteCovered = (list: keyof UserLists, covers: typeof scopeCovers) => {
    for (const one of withdrawn[list] ?? []) {
      const wider = held[list].find((wide) => covers(wide, one))
      if (wider !== undefined) act.note(`${wider} is still held and covers ${one}`)
    }
  }
  noteCovered('scopes', scopeCovers)
  noteCovered('endorsements', endorsementCovers)
}
