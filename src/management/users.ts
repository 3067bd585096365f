/** `users`: registered, read, changed and deleted, with their permissions, passwords and invitations. */

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
import { changedBy, createdAt, NOTES, notesIn, USER_EXAMPLE, UserDocument } from './documents.ts'
import { described, maybe, named, text } from './openapi/schemas.ts'
import { operation } from './operation.ts'
import { PAGE, pageAnswer } from './paging.ts'

const MAY_READ = ['registry:read', 'registry:users'] as const
const MAY_CHANGE = ['registry:users'] as const

/** What the `{user_id}` of a path is. */
const BY = z.strictObject({
  by: z._default(
    described(
      'what {user_id} is; any: an id or, if no user has it, a username',
      z.enum(['id', 'username', 'any'], '{field} must be id, username or any'),
    ),
    'id',
  ),
})

function referenceIn(
  { user_id = '' }: Readonly<Record<string, string>>,
  { by }: z.output<typeof BY>,
): UserReference {
  if (by === 'any') return user_id
  return by === 'username' ? { username: user_id } : { userId: user_id }
}

const Changed = named('ChangedUser', z.extend(UserDocument, NOTES))

const changed = changedBy(userDocument)

const answer = (description: string) => ({ description, schema: Changed, example: USER_EXAMPLE })

const answerWithUser = { 200: answer('The user as it is now.') }

export const userOperations = [
  operation({
    method: 'GET',
    path: '/users',
    name: 'listUsers',
    summary: 'List users, ordered by id',
    scopes: MAY_READ,
    query: z.strictObject({
      ...PAGE,
      name: maybe('a part of the username or of the e-mail address, in any case'),
    }),
    answers: pageAnswer('A page of users.', UserDocument, USER_EXAMPLE),
    async handle({ query: { limit, after = '', name }, act }) {
      const { records, next } = await act.ports.users.page(after, limit, name)
      return { body: { items: records.map(userDocument), next } }
    },
  }),
  operation({
    method: 'POST',
    path: '/users',
    name: 'createUser',
    summary: 'Register a user',
    description:
      'With a user_id of your choice the request can be repeated: the same content is 200, other content is 409.',
    scopes: MAY_CHANGE,
    body: named('UserCreation', USER_CREATION),
    hasVersion: true,
    bodyExample: { username: 'ada', email: 'ada@example.org', scopes: ['submission:read'] },
    answers: {
      200: answer('The user was there with the same content.'),
      201: answer('The user was registered.'),
    },
    problems: ['conflict'],
    async handle({ act, body }) {
      const created = await createUser(act, newUserIn(body))
      return createdAt('/users', created.record.userId, created.isNew, changed(created))
    },
  }),
  operation({
    method: 'GET',
    path: '/users/{user_id}',
    name: 'getUser',
    summary: 'Show a user',
    scopes: MAY_READ,
    query: BY,
    answers: {
      200: { description: 'The user.', schema: UserDocument, example: USER_EXAMPLE },
    },
    hasVersion: true,
    async handle({ act, parameters, query }) {
      const user = await findUser(act, referenceIn(parameters, query))
      return { body: userDocument(user), version: user.version }
    },
  }),
  operation({
    method: 'PATCH',
    path: '/users/{user_id}',
    name: 'updateUser',
    summary: 'Change a user',
    description: 'A list replaces the one before. Sessions that state an old value end.',
    scopes: MAY_CHANGE,
    query: BY,
    body: named('UserChange', USER_UPDATE),
    bodyExample: { email: 'ada@example.org', disabled: false },
    isConditional: true,
    answers: answerWithUser,
    problems: ['conflict'],
    handle: async ({ act, parameters, query, body, version }) =>
      changed(await updateUser(act, referenceIn(parameters, query), userChangeIn(body), version)),
  }),
  operation({
    method: 'DELETE',
    path: '/users/{user_id}',
    name: 'deleteUser',
    summary: 'Delete a user and end all that the user has',
    description: 'The audit keeps its rows.',
    scopes: MAY_CHANGE,
    query: BY,
    isConditional: true,
    answers: { 200: answer('The user as it was.') },
    async handle({ act, parameters, query, version }) {
      const who = referenceIn(parameters, query)
      const ownerless = await ownerlessNotes(act, who)
      const { record, notes } = await deleteUser(act, who, version)
      return changed({ record, notes: [...ownerless, ...notes] })
    },
  }),
  operation({
    method: 'POST',
    path: '/users/{user_id}/permissions',
    name: 'changeUserPermissions',
    summary: 'Give a user permissions, or take them',
    description:
      'Either authorize or withdraw. Withdrawing ends the sessions that depend on what was taken.',
    scopes: MAY_CHANGE,
    query: BY,
    body: named('UserPermissionChange', permissionChangeSchema(USER_LISTS)),
    bodyExample: { withdraw: { endorsements: ['cs.DL'] } },
    isConditional: true,
    answers: answerWithUser,
    async handle({ act, parameters, query, body, version }) {
      const { how, lists } = readPermissionChange(USER_LISTS, body)
      const change = how === 'authorize' ? authorizeUser : withdrawFromUser
      return changed(await change(act, referenceIn(parameters, query), lists, version))
    },
  }),
  operation({
    method: 'PUT',
    path: '/users/{user_id}/password',
    name: 'setUserPassword',
    summary: 'Give a user another password and end all that the user has',
    scopes: MAY_CHANGE,
    query: BY,
    body: PASSWORD_CHANGE,
    bodyExample: { password: 'correct horse battery staple' },
    isConditional: true,
    answers: answerWithUser,
    handle: async ({ act, parameters, query, body, version }) =>
      changed(await setPassword(act, referenceIn(parameters, query), body.password, version)),
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
    answers: {
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
    async handle({ act, parameters, query, version }, { settings }) {
      const usersAreExternal = settings.loginUrl !== null
      const who = referenceIn(parameters, query)
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
