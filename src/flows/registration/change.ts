/**
 * The loop of every change by an administrator: read the record, ask whether the actor may, decide, and write one batch
 * that demands the version which was read. So two administrators at once lose nothing, and the decision fits the record that
 * it changes.
 *
 * How to add a noun that is declared under a key, as scopes and resources are:
 * 1. `migrations/`: a table with a column `version`, and the table in the view `expected_version`.
 * 2. `stores/NOUN-registry.ts`: its columns (`declaredSql`) and its registry: `declaredRows` of `stores/declared.ts` and a
 *    `delete`. `stores/registration.ts` lists it.
 * 3. `protocol/registration/NOUN-fields.ts`: its fields, each once, and its `declaredForm`.
 * 4. `domain/audit.ts`: its events, `NOUN.KIND`.
 * 5. `flows/registration/NOUNs.ts`: its `declaredVerbs`. `management/NOUNs.ts`: its `declaredOperations`.
 */

import { CRON_INTERVAL_SECONDS } from '../../domain/revocation.ts'
import { type RegistrationError, stale } from '../../protocol/registration/errors.ts'
import type { RegistrationPorts } from '../../stores/registration.ts'
import type { Changed } from '../../stores/registration-ports.ts'

/** Who acts. `name` is for the audit; `scopes` are those of the access token. */
export type Actor = Readonly<{
  name: string
  scopes: readonly string[]
  /** The id of the person who signed in; absent for a program. */
  userId?: string
  /** The version of their record on which `scopes` were read. The change demands it. */
  userVersion?: number
  /** The id of a user who changes only the clients that they own, and authorizes nothing (`own-clients.ts`). */
  ownerId?: string
}>

/** One act: who, when and with which stores. */
export type Act<Ports = RegistrationPorts> = Readonly<{
  actor: Actor
  /** Epoch seconds, for the audit. D1 dates what ends. */
  now: number
  ports: Ports
  /** Is it known that the registry has no keys? Only a registry that serves can say so. */
  cannotSign?: boolean
}>

/** The version that the caller has read; null for any. */
export type ExpectedVersion = number | null

/** `record`: as the change left it; after a deletion as it was. `notes`: sentences for the caller without a full stop. */
export type Outcome<Record> = Readonly<{ record: Record; notes: readonly string[] }>

export const NOT_SHOWN = `D1 has the revocation, but KV could not be written: cron writes it within ${CRON_INTERVAL_SECONDS} s`

const UNFINISHED =
  'cron removes the remaining rows of codes, refresh tokens and consents, which are of no use any more'
/** The end of a sentence about the id of what was deleted. */
export const FREE_LATER = 'the id is free when the last rows are removed, within minutes'

/** How often a change that takes any version is tried while others change the record. */
const MAX_ROUNDS = 5

export const authorOf = ({ actor, now }: Pick<Act<unknown>, 'actor' | 'now'>) => ({
  actor: actor.name,
  now,
  ...(actor.userId !== undefined &&
    actor.userVersion !== undefined && {
      as: { userId: actor.userId, version: actor.userVersion },
    }),
})

/** Does the record have these values? Lists are compared in their order. */
export const hasFields = <Record extends object>(record: Record, fields: Partial<Record>) =>
  Object.entries(fields).every(
    ([name, value]) => JSON.stringify(record[name as keyof Record]) === JSON.stringify(value),
  )

/** Those that the record has otherwise. */
export const changedFields = <Fields extends object>(
  record: Fields,
  fields: Partial<Fields>,
): Partial<Fields> =>
  Object.fromEntries(
    Object.entries(fields).filter(([name, value]) => !hasFields<object>(record, { [name]: value })),
  ) as Partial<Fields>

/** Do both name the same values, in any order and any number of times? */
export const isSameSet = (left: readonly string[], right: readonly string[] = []) => {
  const asText = (values: readonly string[]) => JSON.stringify([...new Set(values)].sort())
  return asText(left) === asText(right)
}

export const without = <Value extends string>(
  values: readonly Value[] = [],
  others: readonly string[],
): readonly Value[] => values.filter((value) => !others.includes(value))

type Given = Readonly<{ fields: object; lists: object; isDisabled: boolean | undefined }>

/** A change of several things at once: `update`, if it changes any field or list, then the state, if it is given. */
export function updateSteps<Update>(update: Update, { fields, lists, isDisabled }: Given) {
  const updates = Object.keys({ ...fields, ...lists }).length > 0 ? [update] : []
  if (isDisabled === undefined) return updates
  return [...updates, { kind: isDisabled ? ('disable' as const) : ('enable' as const) }]
}

const oneLine = (fault: unknown) =>
  (fault instanceof Error ? fault.message : String(fault)).replace(/\s*\n\s*/g, ' ').trim()

/** Returns a note if KV could not be written: the change stands, since D1 has the revocation. */
export async function showInKv({
  revocations,
}: Pick<RegistrationPorts, 'revocations'>): Promise<string[]> {
  try {
    await revocations.showInKv()
    return []
  } catch (fault) {
    return [`${NOT_SHOWN} (${oneLine(fault)})`]
  }
}

type Noun<Record> = Readonly<{
  /** Null if there is none. */
  find: () => Promise<Record | null>
  /** For a record that is not there. */
  unknown: () => RegistrationError
  /** Decides on the record and writes one batch, which demands the record's version. Throws what is refused. */
  change: (before: Record) => Promise<Changed<Record>>
}>

/** Throws a RegistrationError. `change` may run several times; only its last run has written. */
export async function changeRecord<Record extends Readonly<{ version: number }>>(
  { ports }: Act<Pick<RegistrationPorts, 'revocations'>>,
  expected: ExpectedVersion,
  { find, unknown, change }: Noun<Record>,
): Promise<Outcome<Record>> {
  for (let round = 1; round <= MAX_ROUNDS; round += 1) {
    const before = await find()
    if (!before) throw unknown()
    const isRead = expected === null || expected === before.version
    const changed = isRead ? await change(before) : { kind: 'stale' as const }
    if (changed.kind === 'changed') {
      const unfinished = changed.isUnfinished ? [UNFINISHED] : []
      const notes = changed.hasEnded ? await showInKv(ports) : []
      return { record: changed.record ?? before, notes: [...unfinished, ...notes] }
    }
    if (expected !== null) throw stale('the record has changed since it was read')
  }
  throw stale('other requests changed the record at the same time')
}
