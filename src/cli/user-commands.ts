/** `user VERB …`: the commands, their options and what they do. */

import type { Command } from 'commander'
import { hashPassword } from '../crypto/password.ts'
import type { AuditEvent } from '../domain/audit.ts'
import { Refusal } from '../local/refusal.ts'
import type { Database } from '../stores/database.ts'
import { type UserRecord, userRegistry } from '../stores/user-registry.ts'
import { type Act, answerAct, ending, endingForGood, recording, WITHIN } from './act.ts'
import { checkEmail, checkPassword, checkUsername } from './checks.ts'
import { userDocument } from './documents.ts'
import { readFirstLine } from './first-line.ts'
import { listVerb, stateOf } from './list-verb.ts'
import {
  addUserChanges,
  addUserListOptions,
  readUserLists,
  type UserListOptions,
} from './user-change-commands.ts'
import { requiredUser } from './user-verbs.ts'
import { answer, type Io, refuseUsage, verb } from './verb.ts'

type NewUserOptions = UserListOptions &
  Readonly<{ username: string; email: string; password?: string; passwordStdin?: boolean }>

/** Enabling revives nothing either. */
const nothingEnds = () => []

const STDIN_HELP = 'read the password from standard input, one line'

const ALL_ENDS = `All issued for this user ends: refresh tokens and codes at once, sessions ${WITHIN}.`

const present = (user: UserRecord | null, idOrName: string) =>
  userDocument(requiredUser(user, idOrName))

/** `change` is one batch with the statements that it is given. */
const answerChange = (
  command: Command,
  io: Io,
  idOrName: string,
  event: AuditEvent,
  statements: typeof ending,
  change: (
    db: Database,
    userId: string,
    now: number,
    also: D1PreparedStatement[],
  ) => Promise<UserRecord | null>,
) =>
  answerAct(command, io, async (db, act) => {
    const { userId } = requiredUser(await userRegistry(db).find(idOrName), idOrName)
    const also = [recording(db, act, event, { userId }), ...statements(db, 'user', userId, act)]
    return { document: present(await change(db, userId, act.now, also), idOrName), revokes: true }
  })

function addCreate(user: Command, io: Io) {
  const create = verb(
    user,
    'create',
    'Register a user. Prints what is registered, with --json the id.',
    'create --username ada --email ada@example.org --scope submission:read --password-stdin < password.txt',
  )
    .requiredOption(
      '--username <name>',
      'what the user signs in with: one name in every case and Unicode form',
    )
    .requiredOption('--email <address>', "the user's e-mail address")
  addUserListOptions(create)
    .option('--password-stdin', STDIN_HELP)
    .option('--password <password>', 'the password itself; others may see it in the process list')
    .action(async (options: NewUserOptions, command: Command) => {
      const { password, passwordStdin = false } = options
      if (passwordStdin === (password !== undefined)) {
        refuseUsage(command, 'give either --password-stdin or --password')
      }
      const fields = {
        username: checkUsername(options.username),
        email: checkEmail(options.email),
        scopes: [],
        endorsements: [],
        ...readUserLists(options),
      }
      const given = checkPassword(password ?? (await readFirstLine(io.stdin)))
      const passwordHash = await hashPassword(given)
      const { username, scopes, endorsements } = fields
      const detail = { username, scopes, endorsements }
      const register = async (db: Database, act: Act) => {
        const userId = await userRegistry(db).create({ ...fields, passwordHash }, act.now, (id) => [
          recording(db, act, 'user.create', { userId: id }, detail),
        ])
        if (!userId) throw new Refusal(`username ${JSON.stringify(username)} is taken`)
        return { document: { user_id: userId }, revokes: false }
      }
      return answerAct(command, io, register, async (db, { user_id }) =>
        present(await userRegistry(db).find(user_id), user_id),
      )
    })
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
      const passwordHash = await hashPassword(checkPassword(await readFirstLine(io.stdin)))
      return answerChange(command, io, id, 'user.set_password', ending, (db, userId, now, also) =>
        userRegistry(db).setPassword(userId, passwordHash, now, also),
      )
    })
}

/** Everywhere <id> may also be the username. */
export function addUserCommands(program: Command, io: Io) {
  const user = program.command('user').description('users: who may sign in and give consent')
  addCreate(user, io)
  listVerb<ReturnType<typeof userDocument>, { name?: string }>(user, io, {
    description:
      'Print the users in the order of their ids, a line each; with --json all but passwords.',
    example: '--name ada',
    idOf: (one) => one.user_id,
    heads: ['user_id', 'username', 'email', 'state'],
    row: (one) => [one.user_id, one.username, one.email, stateOf(one)],
    readPage: async (db, after, rows, { name }) =>
      (await userRegistry(db).page(after, rows, name)).map(userDocument),
  }).option(
    '--name <part>',
    'those with this in their username or e-mail address, whatever the case',
  )
  verb(user, 'show <id>', 'Print one user, by id or username.', 'show ada').action(
    (id: string, _options, command: Command) =>
      answer(command, io, async (db) => present(await userRegistry(db).find(id), id)),
  )
  verb(
    user,
    'disable <id>',
    `Let a user no longer sign in or give consent. ${ALL_ENDS}`,
    'disable ada',
  ).action((id: string, _options, command: Command) =>
    answerChange(command, io, id, 'user.disable', endingForGood, (db, userId, now, also) =>
      userRegistry(db).disable(userId, now, also),
    ),
  )
  verb(
    user,
    'enable <id>',
    'Let a disabled user sign in again. Nothing that ended is revived.',
    'enable ada',
  ).action((id: string, _options, command: Command) =>
    answerChange(command, io, id, 'user.enable', nothingEnds, (db, userId, now, also) =>
      userRegistry(db).enable(userId, now, also),
    ),
  )
  addSetPassword(user, io)
  addUserChanges(user, io)
}
