/** `users/{user_id}/invitations`: links with which users set their passwords. */

import * as z from 'zod/mini'
import { INVITATION_SECONDS, invitationUrl } from '../domain/invitation.ts'
import { inviteUser } from '../flows/registration/invitations.ts'
import { NOTES, notesIn, USER_EXAMPLE } from './documents.ts'
import { operation } from './operation.ts'
import { BY, MAY_CHANGE_USERS, referenceIn } from './users.ts'

export const invitationOperations = [
  operation({
    method: 'POST',
    path: '/users/{user_id}/invitations',
    name: 'inviteUser',
    noun: 'users',
    summary: 'Make a link with which a user sets a password, once',
    description:
      'The link is shown this once, is good for 24 hours and ends an earlier one. It also ends when the password, the e-mail address or the state of the user changes, and when the user is given a registry: scope. Nothing else of the user ends before the link is used.',
    scopes: MAY_CHANGE_USERS,
    query: BY,
    isConditional: true,
    answers: {
      201: {
        description: 'The link.',
        schema: z.strictObject({
          user_id: z.string(),
          invitation_url: z.string().check(z.describe('shown this once')),
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
    problems: ['not_found', 'conflict'],
    async handle({ act, parameters, query, ifMatch }, { settings }) {
      const usersAreExternal = settings.loginUrl !== null
      const who = referenceIn(parameters, query)
      const invited = await inviteUser(act, who, usersAreExternal, ifMatch.version)
      const { userId, version } = invited.record
      return {
        status: 201,
        body: {
          user_id: userId,
          invitation_url: invitationUrl(settings.issuer, invited.invitation),
          expires_in_seconds: INVITATION_SECONDS,
          ...notesIn(invited),
        },
        version,
      }
    },
  }),
]
