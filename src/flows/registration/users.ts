/** What an administrator does to users. Each verb throws a RegistrationError if it is refused. */

import { hashPassword, passwordMatches } from '../../crypto/password.ts'
import { randomId } from '../../crypto/random.ts'
import { withoutCovered } from '../../domain/category.ts'
import { NO_PASSWORD, type UserLists, type UserRecord } from '../../domain/user.ts'
import { conflict, notFound, quote } from '../../protocol/registration/errors.ts'
import { shown } from '../../protocol/registration/field.ts'
import {
  type GivenNewUser,
  type GivenUserChange,
  USER_FIELDS,
  USER_LISTS,
} from '../../protocol/registration/user-fields.ts'
import type { RegistrationPorts } from '../../stores/registration.ts'
import type { Detail, UserChange, UserReference } from '../../stores/registration-ports.ts'
import type { UserReader } from '../../stores/user-registry.ts'
import {
  type Act as AnyAct,
  authorOf,
  changeRecord,
  type ExpectedVersion,
  FREE_LATER,
  isSameSet,
  type Outcome,
  updateSteps,
} from './change.ts'
import { requireMayChange, requireMayChooseId, requireMayGive } from './privileged.ts'
import { stillCovered } from './still-covered.ts'

export type UserAct = AnyAct<Pick<RegistrationPorts, 'users' | 'revocations'>>
type Step = UserChange & Readonly<{ detail?: Detail }>

function textOf(who: UserReference): string {
  if (typeof who === 'string') return who
  return 'userId' in who ? who.userId : who.username
}

const unknown = (who: UserReference) =>
  notFound(`there is no user ${quote(textOf(who))}`, 'user_id')

const stillDeleted = (userId: string) =>
  conflict(`a user with the id ${quote(userId)} was deleted: ${FREE_LATER}`, 'user_id')

const taken = (username: string | undefined) =>
  conflict(`username ${quote(username)} is taken`, 'username')

export async function findUser(
  { ports }: Readonly<{ ports: Readonly<{ users: Pick<UserReader, 'find'> }> }>,
  who: UserReference,
): Promise<UserRecord> {
  const user = await ports.users.find(who)
  if (!user) throw unknown(who)
  return user
}

export const changeUser = (
  act: UserAct,
  who: UserReference,
  expected: ExpectedVersion,
  decide: Decide,
) =>
  changeRecord(act, expected, {
    find: () => act.ports.users.find(who),
    unknown: () => unknown(who),
    async change(before) {
      requireMayChange(act.actor, before.scopes)
      const steps = await decide(before)
      const changed = await act.ports.users.change(before, steps, authorOf(act))
      if (changed.kind !== 'taken') return changed
      throw taken(steps.map((step) => (step.kind === 'update' ? step.fields.username : ''))[0])
    },
  })
/** Returns what the batch does to this record. Throws if the change is refused. */
type Decide = (before: UserRecord) => readonly Step[] | Promise<readonly Step[]>

async function hasPassword({ ports }: UserAct, userId: string, password: string | null) {
  const kept = (await ports.users.passwordHashOf(userId)) ?? NO_PASSWORD
  return password === null ? kept === NO_PASSWORD : passwordMatches(password, kept)
}

export type CreatedUser = Outcome<UserRecord> & Readonly<{ isNew: boolean }>

/**
 * With an id that the caller chose, the call may be repeated: the same content changes nothing, other content is a conflict.
 * A user without a password cannot sign in until a password is set.
 */
export async function createUser(act: UserAct, given: GivenNewUser): Promise<CreatedUser> {
  requireMayGive(act.actor, given.lists.scopes)
  requireMayChooseId(act.actor, given.userId, 'user_id')
  const { users } = act.ports
  const { fields, password } = given
  const { scopes = [], endorsements = [] } = given.lists
  const lists = { scopes, endorsements }
  const userId = given.userId ?? randomId()
  const passwordHash = password === null ? NO_PASSWORD : await hashPassword(password)
  const user = { userId, passwordHash, ...fields, ...lists }
  const detail = { username: fields.username, ...lists }
  const created = await users.create(user, authorOf(act), detail)
  if (created === 'still_deleted') throw stillDeleted(userId)
  if (created) return { record: created, notes: [], isNew: true }
  const record = await users.find({ userId })
  if (!record) throw taken(fields.username)
  const isSame =
    record.username === fields.username &&
    record.email === fields.email &&
    isSameSet(record.scopes, scopes) &&
    isSameSet(record.endorsements, withoutCovered(endorsements)) &&
    (await hasPassword(act, userId, password))
  if (isSame) return { record, notes: [], isNew: false }
  throw conflict(`another user has the id ${quote(userId)}`, 'user_id')
}

/**
 * Ends the sessions that state a name, an address or a permission that is no longer right. Several changes are one change.
 */
export async function updateUser(
  act: UserAct,
  who: UserReference,
  { fields, lists, isDisabled }: GivenUserChange,
  expected: ExpectedVersion = null,
): Promise<Outcome<UserRecord>> {
  requireMayGive(act.actor, lists.scopes)
  const ofFields = shown('inAudit', USER_FIELDS, fields)
  const detail = { ...ofFields, ...shown('inAudit', USER_LISTS, lists) }
  const update = { kind: 'update' as const, fields, lists, detail }
  return changeUser(act, who, expected, () => updateSteps(update, { fields, lists, isDisabled }))
}

/** Authorizes more for the user. Only tokens that are issued from now on have more. */
export async function authorizeUser(
  act: UserAct,
  who: UserReference,
  lists: UserLists,
  expected: ExpectedVersion = null,
): Promise<Outcome<UserRecord>> {
  requireMayGive(act.actor, lists.scopes)
  return changeUser(act, who, expected, () => [{ kind: 'authorize', lists, detail: lists }])
}

export async function withdrawFromUser(
  act: UserAct,
  who: UserReference,
  lists: UserLists,
  expected: ExpectedVersion = null,
): Promise<Outcome<UserRecord>> {
  requireMayGive(act.actor, lists.scopes)
  const step: Step = { kind: 'withdraw', lists, detail: lists }
  const { record, notes } = await changeUser(act, who, expected, () => [step])
  return { record, notes: [...stillCovered(lists, record), ...notes] }
}

/** Sets the password, and ends all sessions, codes and refresh tokens of the user. */
export async function setPassword(
  act: UserAct,
  who: UserReference,
  password: string,
  expected: ExpectedVersion = null,
): Promise<Outcome<UserRecord>> {
  // A refused caller causes no hash, and a second attempt causes no second hash.
  let hash: Promise<string> | undefined
  return changeUser(act, who, expected, async () => {
    hash ??= hashPassword(password)
    return [{ kind: 'set_password', passwordHash: await hash }]
  })
}

/** The most clients that a note names. */
const NAMED_CLIENTS = 10

/** Notes for the deletion of a user: they name the clients that lose their first owner and keep all their permissions. */
export async function ownerlessNotes(
  act: AnyAct<Pick<RegistrationPorts, 'users' | 'clients'>>,
  who: UserReference,
): Promise<string[]> {
  const { userId: owner } = await findUser(act, who)
  const { records } = await act.ports.clients.page('', NAMED_CLIENTS + 1, { owner })
  if (records.length === 0) return []
  const ids = records.slice(0, NAMED_CLIENTS).map(({ clientId }) => clientId)
  const more = records.length > NAMED_CLIENTS ? ' and more' : ''
  return [
    `the user was the first owner of ${ids.join(' ')}${more}: client update ID --owner USER_ID gives a client another, client disable ID stops it`,
  ]
}

/** Returns the user as it was. The audit keeps its rows. */
export const deleteUser = async (
  act: UserAct,
  who: UserReference,
  expected: ExpectedVersion = null,
): Promise<Outcome<UserRecord>> =>
  changeUser(act, who, expected, ({ username }) => [{ kind: 'delete', detail: { username } }])
