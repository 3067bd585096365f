/** `user VERB …`: the commands and their options. Each `<id>` may also be the username. */

import type { Command } from 'commander'
import { requireValid } from '../protocol/registration/field.ts'
import { passwordSchema, USER_FIELDS, USER_LISTS } from '../protocol/registration/user-fields.ts'
import { ANY_VERSION, addActs, addListsVerbs, printChange, WITHIN } from './act.ts'
import { type Call, pathOf } from './api.ts'
import { readFirstLine } from './input.ts'
import { listVerb, stateOf } from './list-verb.ts'
import { addOptions, bodyOf, readGiven } from './options.ts'
import { type Io, note, printFrom, printRead, refuseUsage, verb } from './verb.ts'

/** An `<id>` is an id or, if no user has it, a username. */
const BY = { query: { by: 'any' } } as const
const OF_USER = { ...BY, ...ANY_VERSION } as const

const change = (id: string, body: object): Call => ({
  method: 'PATCH',
  path: pathOf`/users/${id}`,
  ...OF_USER,
  body,
})

const STDIN_HELP = 'read the password from standard input, one line'
const ALL_ENDS = `Everything that was issued for this user ends: refresh tokens and codes at once, sessions ${WITHIN}.`
/** A refresh token states nothing itself: each use narrows what it buys. */
const SESSIONS_END = `the user's access tokens and browser sessions end ${WITHIN}`
const NARROWER = 'Refresh tokens and codes stay good for what is left.'

type Password = Readonly<{ password?: string; passwordStdin?: true; invite?: true }>

/** Registers a user without a password, and makes the link to set one. */
const createInvited = (command: Command, io: Io, body: object) =>
  printFrom(
    command,
    io,
    async (api) => {
      const { body: created, etag } = await api.call({ method: 'POST', path: '/users', body })
      const id = String(created.user_id)
      const path = pathOf`/users/${id}/invitations`
      const call = { method: 'POST', path, ifMatch: etag ?? '*' } as const
      const invited = await api.call(call).catch((fault: unknown) => {
        note(io, `the user is registered, but not invited: user invite ${id}`)
        throw fault
      })
      return { created, invited: invited.body }
    },
    {
      document: ({ invited }) => invited,
      forPeople: ({ created, invited }) => ({ ...created, ...invited }),
    },
  )

function addCreate(user: Command, io: Io) {
  const create = verb(
    user,
    'create',
    'Register a user. Prints what is registered, with --json the id, and with --invite the link.',
    'create --username ada --email ada@example.org --scope submission:read --password-stdin < password.txt',
  )
  addOptions(addOptions(create, USER_FIELDS, true), USER_LISTS)
    .option('--password-stdin', STDIN_HELP)
    .option('--password <password>', 'the password itself; others may see it in the process list')
    .option(
      '--invite',
      'no password: print a link with which the user sets one, as user invite does',
    )
    .action(async (options: Password, command: Command) => {
      const { password, passwordStdin, invite } = options
      if ([password, passwordStdin, invite].filter((one) => one !== undefined).length !== 1) {
        refuseUsage(command, 'give one of --password-stdin, --password and --invite')
      }
      const given = { ...readGiven(USER_FIELDS, options), ...readGiven(USER_LISTS, options) }
      if (invite) return createInvited(command, io, bodyOf(given))
      const secret = requireValid(passwordSchema, password ?? (await readFirstLine(io.stdin)))
      const body = { ...bodyOf(given), password: secret }
      return printChange(
        command,
        io,
        { method: 'POST', path: '/users', body },
        { document: ({ user_id }) => ({ user_id }), forPeople: (created) => created },
      )
    })
}

function addReading(user: Command, io: Io) {
  listVerb<{ name?: string }>(user, io, {
    description:
      'Print the users in the order of their ids, a line each; with --json all but passwords.',
    example: '--name ada',
    path: '/users',
    queryOf: ({ name }) => ({ name }),
    columns: ['user_id', 'username', 'email', 'state'],
    valuesOf: { state: stateOf },
  }).option(
    '--name <part>',
    'only those whose username or e-mail address contains this, in any case',
  )
  verb(user, 'show <id>', 'Print one user, by id or username.', 'show ada').action(
    (id: string, _options, command: Command) =>
      printRead(command, io, { method: 'GET', path: pathOf`/users/${id}`, ...BY }),
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
      return printChange(command, io, {
        method: 'PUT',
        path: pathOf`/users/${id}/password`,
        ...OF_USER,
        body: { password },
      })
    })
}

function addInvite(user: Command, io: Io) {
  verb(
    user,
    'invite <id>',
    'Make a link with which a user sets a password, once within 24 hours. The link is shown only once, and an earlier one ends.',
    'invite ada',
  ).action((id: string, _options, command: Command) =>
    printChange(command, io, {
      method: 'POST',
      path: pathOf`/users/${id}/invitations`,
      ...OF_USER,
    }),
  )
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
      const given = { ...readGiven(USER_FIELDS, options), ...readGiven(USER_LISTS, options) }
      if (Object.keys(given).length === 0) refuseUsage(command, 'there is nothing to update')
      return printChange(command, io, change(id, bodyOf(given)))
    },
  )
}

function addPermissionVerbs(user: Command, io: Io) {
  addListsVerbs(
    user,
    io,
    {
      fields: USER_LISTS,
      needs: '--scope or --endorsement',
      callOf: (id) => ({ method: 'POST', path: pathOf`/users/${id}/permissions`, ...OF_USER }),
    },
    [
      {
        name: 'authorize',
        description: 'Let clients obtain more for a user. What was issued before stays as it is.',
        example: 'ada --scope submission:create --endorsement "cs.* math.AG"',
      },
      {
        name: 'withdraw',
        description: `Take something from a user. If the user held it, ${SESSIONS_END}. ${NARROWER}`,
        example: 'ada --scope submission:create',
      },
    ],
  )
}

function addActsOnUsers(user: Command, io: Io) {
  addActs(user, io, [
    {
      name: 'disable',
      description: `Stop a user from signing in and giving consent. ${ALL_ENDS}`,
      example: 'ada',
      callOf: (id) => change(id, { disabled: true }),
    },
    {
      name: 'enable',
      description: 'Let a disabled user sign in again. Nothing that ended comes back.',
      example: 'ada',
      callOf: (id) => change(id, { disabled: false }),
    },
    {
      name: 'delete',
      description: `Remove a user, with all consents. ${ALL_ENDS} Prints the user as it was. The audit keeps its rows.`,
      example: 'ada',
      callOf: (id) => ({ method: 'DELETE', path: pathOf`/users/${id}`, ...OF_USER }),
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
  addInvite(user, io)
  addActsOnUsers(user, io)
}
