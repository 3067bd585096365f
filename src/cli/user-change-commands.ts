/** `user update`, `authorize`, `withdraw` and `delete`: the commands and their options. */

import type { Command } from 'commander'
import type { UserLists } from '../stores/user-changes.ts'
import { answerAct, WITHIN } from './act.ts'
import { checkEmail, checkEndorsement, checkScope, checkUsername } from './checks.ts'
import { noteStillCovered } from './still-covered.ts'
import { authorizeUser, deleteUser, updateUser, withdrawFromUser } from './user-verbs.ts'
import { type Io, listOption, refuseUsage, verb } from './verb.ts'

export type UserListOptions = Readonly<{
  scope?: readonly string[]
  endorsement?: readonly string[]
}>
type UpdateOptions = UserListOptions & Readonly<{ username?: string; email?: string }>

/** Refresh tokens state nothing themselves: what they buy is narrowed at each use. */
const SESSIONS_END = `the user's access tokens and browser sessions end ${WITHIN}`
const NARROWER = 'Refresh tokens and codes stay good for what is left.'

export const addUserListOptions = (command: Command) =>
  command
    .addOption(listOption('--scope <scope>', 'what a client may obtain for this user'))
    .addOption(
      listOption(
        '--endorsement <category>',
        'a category (cs.DL), an archive (cs.*) or *.*; one that another covers is dropped',
      ),
    )

/** Only what was given. */
export const readUserLists = ({ scope, endorsement }: UserListOptions): UserLists => ({
  ...(scope && { scopes: scope.map(checkScope) }),
  ...(endorsement && { endorsements: endorsement.map(checkEndorsement) }),
})

/** Something must be given, and each of it something. */
function readSomeLists(options: UserListOptions, command: Command): UserLists {
  const lists = readUserLists(options)
  if (Object.values(lists).every((list) => list.length === 0)) {
    refuseUsage(command, 'name at least one --scope or --endorsement')
  }
  return lists
}

export function addUserChanges(user: Command, io: Io) {
  const update = verb(
    user,
    'update <id>',
    `Change a user. A list that is given replaces the old one; "" empties it. If anything is no longer true by this, ` +
      `${SESSIONS_END}. ${NARROWER}`,
    'update ada --email ada@example.org --scope "submission:read submission:create"',
  )
    .option(
      '--username <name>',
      'what the user signs in with: one name in every case and Unicode form',
    )
    .option('--email <address>', "the user's e-mail address")
  addUserListOptions(update).action((id: string, options: UpdateOptions, command: Command) => {
    const { username, email } = options
    const changes = {
      ...(username !== undefined && { username: checkUsername(username) }),
      ...(email !== undefined && { email: checkEmail(email) }),
      ...readUserLists(options),
    }
    if (Object.keys(changes).length === 0) refuseUsage(command, 'there is nothing to update')
    return answerAct(command, io, (db, act) => updateUser(db, id, changes, act))
  })

  const authorize = verb(
    user,
    'authorize <id>',
    'Let clients obtain more for a user. What was issued before stays as it is.',
    'authorize ada --scope submission:create --endorsement "cs.* math.AG"',
  )
  addUserListOptions(authorize).action((id: string, options: UserListOptions, command: Command) => {
    const lists = readSomeLists(options, command)
    return answerAct(command, io, (db, act) => authorizeUser(db, id, lists, act))
  })

  const withdraw = verb(
    user,
    'withdraw <id>',
    `Take something from a user. If the user held it, ${SESSIONS_END}. ${NARROWER}`,
    'withdraw ada --scope submission:create',
  )
  addUserListOptions(withdraw).action((id: string, options: UserListOptions, command: Command) => {
    const lists = readSomeLists(options, command)
    return answerAct(command, io, async (db, act) => {
      const done = await withdrawFromUser(db, id, lists, act)
      noteStillCovered(io, lists, done.document)
      return done
    })
  })

  verb(
    user,
    'delete <id>',
    'Remove a user, with all consents. All issued for this user ends: refresh tokens and codes at once, sessions ' +
      `${WITHIN}. Prints the user as it was. The audit keeps its rows.`,
    'delete ada',
  ).action((id: string, _options, command: Command) =>
    answerAct(command, io, (db, act) => deleteUser(db, id, act)),
  )
}
