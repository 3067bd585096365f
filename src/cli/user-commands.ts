/** `user VERB …`: the commands and their options. Each `<id>` may also be the username. */

import type { Command } from 'commander'
import type { UserFields, UserRecord } from '../domain/user.ts'
import type { Outcome } from '../flows/registration/change.ts'
import * as users from '../flows/registration/users.ts'
import { requireValid } from '../protocol/registration/field.ts'
import {
  passwordSchema,
  USER_FIELDS,
  USER_LISTS,
  userDocument,
} from '../protocol/registration/user-fields.ts'
import { userReader } from '../stores/user-registry.ts'
import { type Act, actVerbs, printAct, WITHIN } from './act.ts'
import { readFirstLine } from './input.ts'
import { listVerb, stateOf } from './list-verb.ts'
import { addOptions, readGiven } from './options.ts'
import { type Io, printRead, refuseUsage, verb } from './verb.ts'

const PRINTED = {
  document: ({ record }: Outcome<UserRecord>) => userDocument(record),
}
const STDIN_HELP = 'read the password from standard input, one line'
const ALL_ENDS = `Everything that was issued for this user ends: refresh tokens and codes at once, sessions ${WITHIN}.`
/** A refresh token states nothing itself: each use narrows what it buys. */
const SESSIONS_END = `the user's access tokens and browser sessions end ${WITHIN}`
const NARROWER = 'Refresh tokens and codes stay good for what is left.'

function addCreate(user: Command, io: Io) {
  const create = verb(
    user,
    'create',
    'Register a user. Prints what is registered, with --json the id.',
    'create --username ada --email ada@example.org --scope submission:read --password-stdin < password.txt',
  )
  addOptions(addOptions(create, USER_FIELDS, true), USER_LISTS)
    .option('--password-stdin', STDIN_HELP)
    .option('--password <password>', 'the password itself; others may see it in the process list')
    .action(async (options: { password?: string; passwordStdin?: true }, command: Command) => {
      const { password, passwordStdin = false } = options
      if (passwordStdin === (password !== undefined)) {
        refuseUsage(command, 'give either --password-stdin or --password')
      }
      // Commander has refused to go on without a required option.
      const fields = readGiven(USER_FIELDS, options) as UserFields
      const lists = readGiven(USER_LISTS, options)
      const given = requireValid(passwordSchema, password ?? (await readFirstLine(io.stdin)))
      const register = (act: Act) =>
        users.createUser(act, { fields, lists, userId: null, password: given })
      return printAct(command, io, register, {
        document: ({ record }) => ({ user_id: record.userId }),
        forPeople: PRINTED.document,
      })
    })
}

function addReading(user: Command, io: Io) {
  listVerb<UserRecord, { name?: string }>(user, io, {
    description:
      'Print the users in the order of their ids, a line each; with --json all but passwords.',
    example: '--name ada',
    documentOf: userDocument,
    heads: ['user_id', 'username', 'email', 'state'],
    row: (one) => [one.userId, one.username, one.email, stateOf(one)],
    readPage: (db, after, rows, { name }) => userReader(db).page(after, rows, name),
  }).option(
    '--name <part>',
    'only those whose username or e-mail address contains this, in any case',
  )
  verb(user, 'show <id>', 'Print one user, by id or username.', 'show ada').action(
    (id: string, _options, command: Command) =>
      printRead(command, io, async (db) =>
        userDocument(await users.findUser({ ports: { users: userReader(db) } }, id)),
      ),
  )
}

function addSetPassword(user: Command, io: Io) {
  verb(
    user,
    'set-password <id>',
    `Give a user a new password. ${ALL_ENDS}`,
    'set-password ada --password-stdin < password.txt',
  )
    .requiredOption('--password-stdin', STDIN_HELP)
    .action(async (id: string, _options, command: Command) => {
      const password = requireValid(passwordSchema, await readFirstLine(io.stdin))
      return printAct(command, io, (act) => users.setPassword(act, id, password), PRINTED)
    })
}

function addUpdate(user: Command, io: Io) {
  const update = verb(
    user,
    'update <id>',
    `Change a user. A list that is given replaces the old one; "" empties it. If sessions then state something untrue, ` +
      `${SESSIONS_END}. ${NARROWER}`,
    'update ada --email ada@example.org --scope "submission:read submission:create"',
  )
  addOptions(addOptions(update, USER_FIELDS), USER_LISTS).action(
    (id: string, options: Record<string, unknown>, command: Command) => {
      const given = {
        fields: readGiven(USER_FIELDS, options),
        lists: readGiven(USER_LISTS, options),
        isDisabled: undefined,
      }
      if (Object.keys({ ...given.fields, ...given.lists }).length === 0)
        refuseUsage(command, 'there is nothing to update')
      return printAct(command, io, (act) => users.updateUser(act, id, given), PRINTED)
    },
  )
}

function addPermissionVerbs(user: Command, io: Io) {
  actVerbs(user, io, PRINTED).addListsVerbs(
    { fields: USER_LISTS, needs: '--scope or --endorsement' },
    [
      {
        name: 'authorize',
        description: 'Let clients obtain more for a user. What was issued before stays as it is.',
        example: 'ada --scope submission:create --endorsement "cs.* math.AG"',
        work: users.authorizeUser,
      },
      {
        name: 'withdraw',
        description: `Take something from a user. If the user held it, ${SESSIONS_END}. ${NARROWER}`,
        example: 'ada --scope submission:create',
        work: users.withdrawFromUser,
      },
    ],
  )
}

function addActsOnUsers(user: Command, io: Io) {
  actVerbs(user, io, PRINTED).addActs([
    {
      name: 'disable',
      description: `Stop a user from signing in and giving consent. ${ALL_ENDS}`,
      example: 'ada',
      work: users.disableUser,
    },
    {
      name: 'enable',
      description: 'Let a disabled user sign in again. Nothing that ended comes back.',
      example: 'ada',
      work: users.enableUser,
    },
    {
      name: 'delete',
      description: `Remove a user, with all consents. ${ALL_ENDS} Prints the user as it was. The audit keeps its rows.`,
      example: 'ada',
      work: users.deleteUser,
    },
  ])
}

export function addUserCommands(program: Command, io: Io) {
  const user = program.command('user').description('users: who may sign in and give consent')
  addCreate(user, io)
  addUpdate(user, io)
  addPermissionVerbs(user, io)
  addReading(user, io)
  addSetPassword(user, io)
  addActsOnUsers(user, io)
}
