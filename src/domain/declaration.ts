/** What an operator declares of scopes and categories, as an administrator sees it. */

export type ScopeFields = Readonly<{
  /** What the scope allows, for people. */
  sentence: string
  /** May clients that register themselves have it without approval? */
  selfRegistered: boolean
  /** Marked on the consent page, and consent to it is never remembered. */
  sensitive: boolean
}>

/** A declared scope. Instants in epoch seconds. */
export type ScopeRecord = ScopeFields &
  Readonly<{
    name: string
    createdAt: number
    updatedAt: number
    /** Every act of an administrator raises it. */
    version: number
  }>
export type NewScope = ScopeFields & Readonly<{ name: string }>

/** The title of an archive (`cs`) or of a category (`cs.DL`). */
export type Category = Readonly<{ name: string; title: string }>
