/** The fields of a user, and the bodies and documents that contain them. */

import * as z from 'zod/mini'
import { type UserFields, type UserLists, type UserRecord, usernameKey } from '../../domain/user.ts'
import { quote } from './errors.ts'
import {
  type FieldTable,
  fieldsIn,
  flagSchema,
  isoTime,
  membersOf,
  shown,
  textSchema,
  wrongType,
} from './field.ts'
import { ENDORSEMENTS, idSchema, scopesField } from './shared-fields.ts'

const MIN_PASSWORD_CHARACTERS = 8

const isUsername = (name: string) =>
  /^[^\s\p{Cc}\p{Cs}\p{Bidi_Control}]+$/u.test(name) && usernameKey(name) !== ''

/** The username is stored in NFC. */
const usernameSchema = z.string({ error: wrongType('text') }).check(
  z.normalize('NFC'),
  z.refine(isUsername, {
    error: '{field} must be one word, without spaces and control characters',
  }),
  z.maxLength(256, { error: '{field} must not be longer than 256 characters' }),
)

export const USER_FIELDS: FieldTable<UserFields> = {
  username: {
    flags: '--username <name>',
    help: 'the name to sign in with; case and Unicode form make no difference',
    isRequired: true,
    schema: usernameSchema,
  },
  email: {
    flags: '--email <address>',
    help: "the user's e-mail address",
    isRequired: true,
    schema: textSchema(320).check(
      z.regex(/^[^\s@]+@[^\s@]+$/u, {
        error: (issue) => `{field} ${quote(issue.input)} is not an e-mail address`,
      }),
    ),
    // The audit does not contain the e-mail address, because its rows outlive the user.
    inAudit: () => 'replaced',
  },
}

export const USER_LISTS: FieldTable<Required<UserLists>> = {
  scopes: scopesField('what a client may obtain for this user'),
  endorsements: ENDORSEMENTS,
}

/** The schema of a password. No sentence quotes the password. */
export const passwordSchema = z.string({ error: 'the password must be text' }).check(
  z.minLength(1, { error: 'the password must not be empty' }),
  z.refine((text: string) => [...text].length >= MIN_PASSWORD_CHARACTERS, {
    error: `the password must have at least ${MIN_PASSWORD_CHARACTERS} characters`,
  }),
  z.maxLength(1000, { error: 'the password must not be longer than 1000 characters' }),
  z.refine((text: string) => !text.includes('\0'), {
    error: 'the password must not hold a NUL',
  }),
  z.refine((text: string) => text.isWellFormed(), {
    error: 'the password must not hold half of a surrogate pair',
  }),
)

/** Why a user may not have this password, as a sentence without a full stop; null if the user may. */
export const passwordProblem = (password: string): string | null =>
  passwordSchema.safeParse(password).error?.issues[0]?.message ?? null

export type GivenUser = Readonly<{ fields: Partial<UserFields>; lists: UserLists }>
export type GivenNewUser = Readonly<{
  fields: UserFields
  lists: UserLists
  /** The id that the caller chose; null for a random id. */
  userId: string | null
  /** Null if the user has no password until one is set. */
  password: string | null
}>
/** `isDisabled` is undefined if the state does not change. */
export type GivenUserChange = GivenUser & Readonly<{ isDisabled: boolean | undefined }>

export const USER_CREATION = z.strictObject({
  user_id: z.optional(
    idSchema().check(z.describe('an id of your choice; without it a random one')),
  ),
  ...membersOf(USER_FIELDS, true),
  ...membersOf(USER_LISTS, false),
  password: z.optional(
    passwordSchema.check(z.describe('without it the user cannot sign in until a password is set')),
  ),
})

export const USER_UPDATE = z.strictObject({
  ...membersOf(USER_FIELDS, false),
  ...membersOf(USER_LISTS, false),
  disabled: z.optional(
    flagSchema().check(
      z.describe('true: no sign-in and no consent, and all that the user has ends'),
    ),
  ),
})

export const PASSWORD_CHANGE = z.strictObject({ password: passwordSchema })

const givenIn = (body: Readonly<Record<string, unknown>>): GivenUser => ({
  fields: fieldsIn(USER_FIELDS, body),
  lists: fieldsIn(USER_LISTS, body),
})

export function newUserIn(body: z.infer<typeof USER_CREATION>): GivenNewUser {
  const { fields, lists } = givenIn(body)
  return {
    fields: fields as UserFields,
    lists,
    userId: body.user_id ?? null,
    password: body.password ?? null,
  }
}

export const userChangeIn = (body: z.infer<typeof USER_UPDATE>): GivenUserChange => ({
  ...givenIn(body),
  isDisabled: body.disabled,
})

/** The document of a user, without the password's hash. */
export const userDocument = (user: UserRecord) => ({
  user_id: user.userId,
  ...shown('inDocument', USER_FIELDS, user),
  ...shown('inDocument', USER_LISTS, user),
  created_at: isoTime(user.createdAt),
  updated_at: isoTime(user.updatedAt),
  disabled_at: isoTime(user.disabledAt),
})
