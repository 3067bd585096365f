/** A person who signs in, with all that they hold. */

export type User = Readonly<{
  userId: string
  username: string
  email: string
  scopes: readonly string[]
  endorsements: readonly string[]
}>

/** A user as this registry keeps one. `disabledAt` in epoch seconds. */
export type RegisteredUser = User & Readonly<{ disabledAt: number | null }>
