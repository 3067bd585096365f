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
  /** The id of the person who signed in; absent if a program acts. */
  userId?: string
  /** The version of the person's record on which `scopes` were read. The change demands this version. */
  userVersion?: number
  /** The id of a user who changes only the clients that the user owns, and authorizes nothing (`own-clients.ts`). */
  ownerId?: string
}>

/** One act of an administrator: who acts, when, and on which stores. */
export type Act<Ports = RegistrationPorts> = Readonly<{
  actor: Actor
  /** Epoch seconds, for the audit. D1 dates revocations by its own clock. */
  now: number
  ports: Ports
  /** True if the registry is known to have no signing keys. Only a registry that serves requests can know this. */
  cannotSign?: boolean
}>

/** The version that the caller has read; null accepts any version. */
export type ExpectedVersion = number | null

/** `record`: as the change left it; after a deletion, as it was. `notes`: sentences for the caller, without a full stop. */
export type Outcome<Record> = Readonly<{ record: Record; notes: readonly string[] }>

export const NOT_SHOWN = `D1 has the revocation, but KV could not be written: cron writes it within ${CRON_INTERVAL_SECONDS} s`

const UNFINISHED =
  'cron removes the remaining rows of codes, refresh tokens and consents, which are of no use any more'
/** The end of a sentence about the id of what was deleted. */
export const FREE_LATER = 'the id is free when the last rows are removed, within minutes'

/** Attempts of a change without an expected version, while others change the record. */
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

export const changedFields = <Fields extends object>(
  record: Fields,
  fields: Partial<Fields>,
): Partial<Fields> =>
  Object.fromEntries(
    Object.entries(fields).filter(([name, value]) => !hasFields<object>(record, { [name]: value })),
  ) as Partial<Fields>

/** Do both lists have the same values, in any order and any number of times? */
export const isSameSet = (left: readonly string[], right: readonly string[] = []) => {
  const asText = (values: readonly string[]) => JSON.stringify([...new Set(values)].sort())
  return asText(left) === asText(right)
}

export const without = <Value extends string>(
  values: readonly Value[] = [],
  others: readonly string[],
): readonly Value[] => values.filter((value) => !others.includes(value))

type Given = Readonly<{ fields: object; lists: object; isDisabled: boolean | undefined }>

/**
 * The steps of a change of several things at once: `update`, if any field or list changes, then the state, if it is given.
 */
export function updateSteps<Update>(update: Update, { fields, lists, isDisabled }: Given) {
  const updates = Object.keys({ ...fields, ...lists }).length > 0 ? [update] : []
  if (isDisabled === undefined) return updates
  return [...updates, { kind: isDisabled ? ('disable' as const) : ('enable' as const) }]
}

const oneLine = (fault: unknown) =>
  (fault instanceof Error ? fault.message : String(fault)).replace(/\s*\n\s*/g, ' ').trim()

/** Returns a note if KV could not be written: the change is valid, because D1 has the revocation. */
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
  /** Null if there is no such record. */
  find: () => Promise<Record | null>
  unknown: () => RegistrationError
  /** Decides on the record and writes one batch, which demands the record's version. Throws if the change is refused. */
  change: (before: Record) => Promise<Changed<Record>>
}>

/** Throws a RegistrationError. `change` may run several times; only the last run has written. */
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
