/** A person who signs in, with the scopes and endorsements they hold, and the link with which they set a password. */

import { foldText } from './fold-text.ts'

export type User = Readonly<{
  userId: string
  username: string
  email: string
  scopes: readonly string[]
  endorsements: readonly string[]
  /** When this was read: epoch milliseconds by D1's clock. Absent for a user of an external accounts service. */
  readAtMs?: number
}>

/** A user of this registry. `disabledAt` in epoch seconds. */
export type RegisteredUser = User & Readonly<{ disabledAt: number | null; readAtMs: number }>

/** A user as an administrator sees it: without the password's hash. Instants in epoch seconds. */
export type UserRecord = RegisteredUser &
  Readonly<{
    createdAt: number
    updatedAt: number
    /** Every act of an administrator raises it. */
    version: number
  }>

export type UserFields = Readonly<{ username: string; email: string }>
export type UserLists = Readonly<{ scopes?: readonly string[]; endorsements?: readonly string[] }>

/** The hash of a user who has no password yet: no password matches it. */
export const NO_PASSWORD = ''

/** Equal for names that differ only in case, Unicode form or surrounding spaces. */
export const usernameKey = (username: string) => foldText(username).trim()

/** An invitation: a link with which a user sets a password, once. */
export const INVITATION_PATH = '/invitation'
export const INVITATION_SECONDS = 86_400

/** Browsers send no fragment: neither a log nor a `Referer` holds the invitation. */
export const invitationUrl = (issuer: string, invitation: string) =>
  `${issuer}${INVITATION_PATH}#${invitation}`

/** From the link as pasted, or from what follows `#` in it. */
export const invitationIn = (pasted: string) => pasted.slice(pasted.lastIndexOf('#') + 1).trim()
