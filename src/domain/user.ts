/** A person who signs in, with all that they hold. */

import { foldText } from './fold-text.ts'

export type User = Readonly<{
  userId: string
  username: string
  email: string
  scopes: readonly string[]
  endorsements: readonly string[]
  /** Epoch milliseconds by D1's clock: when this was read. Absent for a user of an external accounts service. */
  readAtMs?: number
}>

/** A user as this registry keeps one. `disabledAt` in epoch seconds. */
export type RegisteredUser = User & Readonly<{ disabledAt: number | null; readAtMs: number }>

/** Equal for all spellings of a name: whatever the case, the Unicode form and the spaces around it. */
export const usernameKey = (username: string) => foldText(username).trim()
