/** `user VERB …`: the commands and their options. Each `<id>` may also be the username. */

import { type Command, Option } from 'commander'
import { requireValid } from '../protocol/registration/field.ts'
import { passwordSchema, USER_FIELDS, USER_LISTS } from '../protocol/registration/user-fields.ts'
import { type Document, type ManagementApi, pathOf } from './api.ts'
import {
  addVerbs,
  type CallVerb,
  changeOf,
  documentOf,
  permissionsVerb,
  plainVerbs,
  updateVerb,
  WITHIN,
} from './call-verbs.ts'
import { readAsked } from './input.ts'
import { listVerb, stateOf } from './list-verb.ts'
import { bodyOf, optionsOf, readGiven } from './options.ts'
import { type Io, note, plainOptions, printFrom, refuseUsage, verb } from './verb.ts'

/** An `<id>` is an id or, if no user has this id, a username. */
const USERS = {
  path: '/users',
  query: { by: 'any' },
  argument: '<id>',
  example: 'ada',
} as const
const FIELDS = { ...USER_FIELDS, ...USER_LISTS }

const STDIN = ['--password-stdin', 'read the password from standard input, one line'] as const
const ALL_ENDS = `Everything that was issued for this user ends: refresh tokens and codes at once, sessions ${WITHIN}.`
/** Refresh tokens stay, because they state nothing themselves: each use narrows the tokens that are issued. */
const SESSIONS_END = `the user's access tokens and browser sessions end ${WITHIN}`
const NARROWER = 'Refresh tokens and codes stay good for what is left.'

/** Registers a user without a password, and makes the link with which the user sets one. */
async function createInvited(api: ManagementApi, io: Io, body: object) {
  const { body: created, etag } = await api.call({ method: 'POST', path: '/users', body })
  const id = String(created.user_id)
  const path = pathOf`/users/${id}/invitations`
  const call = { method: 'POST', path, ifMatch: etag } as const
  const invited = await api.call(call).catch((fault: unknown) => {
    note(io, `the user is registered, but not invited: user invite ${id}`)
    throw fault
  })
  return { created, invited: invited.body }
}

type Password = Readonly<{ password?: string; passwordStdin?: true; invite?: true }>

function addCreate(noun: Command, io: Io) {
  verb(noun, {
    usage: 'create',
    description:
      'Register a user. Prints what is registered, with --json the id, and with --invite the link.',
    example:
      '--username ada --email ada@example.org --scope submission:read --password-stdin < password.txt',
    options: [
      ...optionsOf(FIELDS, true),
      new Option(...STDIN),
      ...plainOptions({
        '--password <password>': 'the password itself; others may see it in the process list',
        '--invite':
          'set no password: print a link with which the user sets one, as user invite does',
      }),
    ],
  }).action(async (options: Password, command: Command) => {
    const { password, passwordStdin, invite } = options
    if ([password, passwordStdin, invite].filter((one) => one !== undefined).length !== 1) {
      refuseUsage(command, 'give one of --password-stdin, --password and --invite')
    }
    const text = invite ? null : (password ?? (await readAsked(io, 'the password')))
    const given = text !== null && { password: requireValid(passwordSchema, text) }
    const body = { ...bodyOf(readGiven(FIELDS, options)), ...given }
    if (invite) {
      return printFrom(command, io, (api) => createInvited(api, io, body), {
        json: ({ invited }) => invited,
        people: ({ created, invited }) => ({ ...created, ...invited }),
      })
    }
    const call = { method: 'POST', path: USERS.path, body } as const
    const json = ({ user_id }: Document) => ({ user_id })
    return printFrom(command, io, (api) => documentOf(api, io, call), { json })
  })
}

const PERMISSIONS = { records: USERS, fields: USER_LISTS, needs: '--scope or --endorsement' }

const verbsOf = (io: Io): readonly CallVerb[] => [
  updateVerb(USERS, FIELDS, {
    description:
      `Change a user. A list that is given replaces the old one; "" empties it. If sessions then state something untrue, ` +
      `${SESSIONS_END}. ${NARROWER}`,
    example: 'ada --email ada@example.org --scope "submission:read submission:create"',
  }),
  permissionsVerb('authorize', PERMISSIONS, {
    description:
      'Give a user permissions, which clients may then obtain. What was issued before stays as it is.',
    example: 'ada --scope submission:create --endorsement "cs.* math.AG"',
  }),
  permissionsVerb('withdraw', PERMISSIONS, {
    description: `Take permissions from a user. If the user held them, ${SESSIONS_END}. ${NARROWER}`,
    example: 'ada --scope submission:create',
  }),
  {
    usage: 'set-password <id>',
    description: `Give a user a new password. ${ALL_ENDS}`,
    example: 'ada --password-stdin < password.txt',
    options: [new Option(...STDIN).makeOptionMandatory()],
    async call(id: string) {
      const password = requireValid(passwordSchema, await readAsked(io, 'the password'))
      return changeOf(USERS, id, { method: 'PUT', below: '/password', body: { password } })
    },
  },
  {
    usage: 'invite <id>',
    description:
      'Make a link with which a user sets a password, once within 24 hours. The link is shown only once, and an earlier one ends.',
    example: USERS.example,
    call: (id: string) => changeOf(USERS, id, { method: 'POST', below: '/invitations' }),
  },
  ...plainVerbs(USERS, {
    show: 'Print one user, by id or username.',
    disable: `Stop a user from signing in and giving consent. ${ALL_ENDS}`,
    enable: 'Let a disabled user sign in again. Nothing that ended comes back.',
    delete: `Remove a user, with all consents. ${ALL_ENDS} Prints the user as it was. The audit keeps its rows.`,
  }),
]

export function addUserCommands(program: Command, io: Io) {
  const noun = program.command('user').description('Users: who may sign in and give consent')
  addCreate(noun, io)
  addVerbs(noun, io, verbsOf(io))
  listVerb<{ name?: string }>(noun, io, {
    description:
      'Print the users in the order of their ids, a line each; with --json all but passwords.',
    example: '--name ada',
    path: USERS.path,
    options: plainOptions({
      '--name <part>': 'only those whose username or e-mail address contains this, in any case',
    }),
    queryOf: ({ name }) => ({ name }),
    columns: ['user_id', 'username', 'email', 'state'],
    valuesOf: { state: stateOf },
  })
}
