/** `sessions/revocations`: ends one session, or all sessions of a client or of a user. */

import * as z from 'zod/mini'
import { MAX_SIGNED_TOKEN_LENGTH } from '../crypto/token.ts'
import {
  type Revoked,
  revokeAnyToken,
  revokeSessionsOfClient,
  revokeSessionsOfUser,
} from '../flows/registration/sessions.ts'
import { described, named } from './openapi/schemas.ts'
import { operation } from './operation.ts'
import { NOTES, notesIn } from './records.ts'

const MAX_TOKEN_LENGTH = MAX_SIGNED_TOKEN_LENGTH
const MAX_ID_LENGTH = 1000

const text = (maximum: number, description: string) =>
  z.optional(
    z
      .string()
      .check(
        z.maxLength(maximum, `{field} must not be longer than ${maximum} characters`),
        z.describe(description),
      ),
  )

const Revocation = z
  .strictObject({
    token: text(MAX_TOKEN_LENGTH, 'an access, refresh or browser session token'),
    client_id: text(MAX_ID_LENGTH, 'all of this client'),
    user_id: text(
      MAX_ID_LENGTH,
      'all of this user, by id or username, also of an accounts service',
    ),
    even_unknown: z.optional(
      described('with user_id: also an id that the registry does not know', z.boolean()),
    ),
  })
  .check(
    z.refine(
      ({ token, client_id, user_id }: Record<string, unknown>) =>
        [token, client_id, user_id].filter((one) => one !== undefined).length === 1,
      'give exactly one of token, client_id and user_id',
    ),
    z.refine(
      ({ user_id, even_unknown }: Record<string, unknown>) =>
        even_unknown === undefined || user_id !== undefined,
      'even_unknown is for user_id',
    ),
  )

const bodyOf = (revoked: Revoked) => ({
  revoked: true,
  effective_within_seconds: revoked.effectiveWithinSeconds,
  ...notesIn(revoked),
})

export const sessionOperations = [
  operation({
    method: 'POST',
    path: '/sessions/revocations',
    name: 'revokeSessions',
    summary: 'End one session, or all of a client or of a user',
    description:
      'Give exactly one of token, client_id and user_id. A refresh token ends all that was renewed with it. For an access token or a browser session success means that it is not valid now, not that it was ever issued. Checks with immediate revocation refuse it at once, every other within the stated time.',
    scopes: ['registry:sessions'],
    body: named('Revocation', Revocation),
    bodyExample: { client_id: 'Z5sV2mXkq0' },
    responses: {
      200: {
        description: 'The sessions have ended.',
        schema: z.strictObject({
          revoked: z.literal(true),
          effective_within_seconds: z.int(),
          ...NOTES,
        }),
        example: { revoked: true, effective_within_seconds: 70 },
      },
    },
    problems: ['not_found', 'conflict'],
    async handle({ act, body: { token, client_id, user_id, even_unknown } }, { settings }) {
      if (token !== undefined) {
        const usersAreExternal = settings.loginUrl !== null
        return { body: bodyOf(await revokeAnyToken(act, token.trim(), usersAreExternal)) }
      }
      if (client_id !== undefined) {
        return { body: bodyOf(await revokeSessionsOfClient(act, client_id)) }
      }
      return { body: bodyOf(await revokeSessionsOfUser(act, user_id ?? '', even_unknown)) }
    },
  }),
]
