/** A person who signs in, with the person's scopes and endorsements, and the link with which the person sets a password. */

import { foldText } from './fold-text.ts'

export type User = Readonly<{
  userId: string
  username: string
  email: string
  scopes: readonly string[]
  endorsements: readonly string[]
  /** When the user was read: epoch milliseconds by D1's clock. Absent for a user of an external accounts service. */
  readAtMs?: number
}>

/** A user of this registry. `disabledAt` in epoch seconds. */
export type RegisteredUser = User & Readonly<{ disabledAt: number | null; readAtMs: number }>

/** A user as an administrator sees the user: without the password's hash. Instants in epoch seconds. */
export type UserRecord = RegisteredUser &
  Readonly<{
    createdAt: number
    updatedAt: number
    /** Every act of an administrator raises the version. */
    version: number
  }>

export type UserFields = Readonly<{ username: string; email: string }>
export type UserLists = Readonly<{ scopes?: readonly string[]; endorsements?: readonly string[] }>

/** The hash of a user who has no password yet: no password matches it. */
export const NO_PASSWORD = ''

/** The keys are equal for names that differ only in case, Unicode form or surrounding spaces. */
export const usernameKey = (username: string) => foldText(username).trim()

/** An invitation: a link with which a user sets a password, once. */
export const INVITATION_PATH = '/invitation'
export const INVITATION_SECONDS = 86_400

/** The invitation is in the fragment, which browsers do not send: neither a log nor a `Referer` contains the invitation. */
export const invitationUrl = (issuer: string, invitation: string) =>
  `${issuer}${INVITATION_PATH}#${invitation}`

/** Reads the invitation from the pasted link, or from what follows `#` in the link. */
export const invitationIn = (pasted: string) => pasted.slice(pasted.lastIndexOf('#') + 1).trim()
