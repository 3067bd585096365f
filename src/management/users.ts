/** `users`: how they are registered, read, changed and deleted, with their permissions, passwords and invitations. */

import * as z from 'zod/mini'
import { INVITATION_SECONDS, invitationUrl } from '../domain/user.ts'
import { inviteUser } from '../flows/registration/invitations.ts'
import {
  authorizeUser,
  createUser,
  deleteUser,
  findUser,
  ownerlessNotes,
  setPassword,
  updateUser,
  withdrawFromUser,
} from '../flows/registration/users.ts'
import {
  permissionChangeSchema,
  readPermissionChange,
} from '../protocol/registration/shared-fields.ts'
import {
  newUserIn,
  PASSWORD_CHANGE,
  USER_CREATION,
  USER_LISTS,
  USER_UPDATE,
  userChangeIn,
  userDocument,
} from '../protocol/registration/user-fields.ts'
import type { UserReference } from '../stores/registration-ports.ts'
import { USER_EXAMPLE, UserDocument } from './documents.ts'
import { described, maybe, named, text } from './openapi/schemas.ts'
import { operation } from './operation.ts'
import { PAGE } from './paging.ts'
import { NOTES, notesIn, recordOperations } from './records.ts'

/** What the `{user_id}` of a path is: an id, a username, or either of them. */
const BY = z.strictObject({
  by: z._default(
    described(
      'what {user_id} is; any: an id or, if no user has it, a username',
      z.enum(['id', 'username', 'any'], '{field} must be id, username or any'),
    ),
    'id',
  ),
})

type By = z.output<typeof BY>

function referenceOf({ key, query: { by } }: Readonly<{ key: string; query: By }>): UserReference {
  if (by === 'any') return key
  return by === 'username' ? { username: key } : { userId: key }
}

const MAY_CHANGE = ['registry:users'] as const

const users = recordOperations({
  path: '/users',
  key: 'user_id',
  name: 'User',
  document: UserDocument,
  documentOf: userDocument,
  example: USER_EXAMPLE,
  mayRead: ['registry:read', 'registry:users'],
  mayChange: MAY_CHANGE,
})

export const userOperations = [
  users.list({
    summary: 'List users, ordered by id',
    response: 'A page of users.',
    query: z.strictObject({
      ...PAGE,
      name: maybe('a part of the username or of the e-mail address, in any case'),
    }),
    handle: ({ query: { limit, after = '', name }, act }) =>
      act.ports.users.page(after, limit, name),
  }),
  users.create({
    summary: 'Register a user',
    description:
      'With a user_id of your choice the request can be repeated: the same content is 200, other content is 409.',
    known: 'The user was there with the same content.',
    response: 'The user was registered.',
    body: named('UserCreation', USER_CREATION),
    bodyExample: { username: 'ada', email: 'ada@example.org', scopes: ['submission:read'] },
    handle: ({ act, body }) => createUser(act, newUserIn(body)),
  }),
  users.show({
    summary: 'Show a user',
    response: 'The user.',
    query: BY,
    handle: ({ act, ...call }) => findUser(act, referenceOf(call)),
  }),
  users.change({
    method: 'PATCH',
    name: 'updateUser',
    summary: 'Change a user',
    description: 'A list replaces the one before. Sessions that state an old value end.',
    query: BY,
    body: named('UserChange', USER_UPDATE),
    bodyExample: { email: 'ada@example.org', disabled: false },
    problems: ['conflict'],
    handle: ({ act, body, version, ...call }) =>
      updateUser(act, referenceOf(call), userChangeIn(body), version),
  }),
  users.change({
    method: 'DELETE',
    name: 'deleteUser',
    summary: 'Delete a user and end all that the user has',
    description: 'The audit keeps its rows.',
    response: 'The user as it was.',
    query: BY,
    async handle({ act, version, ...call }) {
      const who = referenceOf(call)
      const ownerless = await ownerlessNotes(act, who)
      const { record, notes } = await deleteUser(act, who, version)
      return { record, notes: [...ownerless, ...notes] }
    },
  }),
  users.change({
    method: 'POST',
    part: '/permissions',
    name: 'changeUserPermissions',
    summary: 'Give a user permissions, or take them',
    description:
      'Either authorize or withdraw. Withdrawing ends the sessions that depend on what was taken.',
    query: BY,
    body: named('UserPermissionChange', permissionChangeSchema(USER_LISTS)),
    bodyExample: { withdraw: { endorsements: ['cs.DL'] } },
    async handle({ act, body, version, ...call }) {
      const { how, lists } = readPermissionChange(USER_LISTS, body)
      const change = how === 'authorize' ? authorizeUser : withdrawFromUser
      return change(act, referenceOf(call), lists, version)
    },
  }),
  users.change({
    method: 'PUT',
    part: '/password',
    name: 'setUserPassword',
    summary: 'Give a user another password and end all that the user has',
    query: BY,
    body: PASSWORD_CHANGE,
    bodyExample: { password: 'correct horse battery staple' },
    handle: ({ act, body, version, ...call }) =>
      setPassword(act, referenceOf(call), body.password, version),
  }),
  operation({
    method: 'POST',
    path: '/users/{user_id}/invitations',
    name: 'inviteUser',
    summary: 'Make a link with which a user sets a password, once',
    description:
      'The link is shown only once, is good for 24 hours and ends an earlier one. It also ends when the password, the e-mail address or the state of the user changes, and when the user is given a registry: scope. Nothing else of the user ends before the link is used.',
    scopes: MAY_CHANGE,
    query: BY,
    isConditional: true,
    responses: {
      201: {
        description: 'The link.',
        schema: z.strictObject({
          user_id: z.string(),
          invitation_url: text('shown only once'),
          expires_in_seconds: z.int(),
          ...NOTES,
        }),
        example: {
          user_id: USER_EXAMPLE.user_id,
          invitation_url: 'https://registry.example/invitation#regi_…',
          expires_in_seconds: INVITATION_SECONDS,
        },
      },
    },
    problems: ['conflict'],
    async handle({ act, version, ...call }, { settings }) {
      const usersAreExternal = settings.loginUrl !== null
      const who = referenceOf(call)
      const invited = await inviteUser(act, who, usersAreExternal, version)
      return {
        status: 201,
        body: {
          user_id: invited.record.userId,
          invitation_url: invitationUrl(settings.issuer, invited.invitation),
          expires_in_seconds: INVITATION_SECONDS,
          ...notesIn(invited),
        },
        version: invited.record.version,
      }
    },
  }),
]
