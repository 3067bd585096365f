/** What was withdrawn and is held all the same, since something wider covers it. */

import { endorsementCovers } from '../domain/category.ts'
import { scopeCovers } from '../domain/scope.ts'
import { type Io, note } from './verb.ts'

type Held = Readonly<{ scopes: readonly string[]; endorsements: readonly string[] }>

export function noteStillCovered(
  io: Io,
  { scopes = [], endorsements = [] }: Readonly<Partial<Held>>,
  held: Held,
) {
  const tell = (asked: string, wider: string | undefined) => {
    if (wider !== undefined) note(io, `${wider} is still held and covers ${asked}`)
  }
  for (const one of scopes)
    tell(
      one,
      held.scopes.find((wider) => scopeCovers(wider, one)),
    )
  for (const one of endorsements) {
    tell(
      one,
      held.endorsements.find((wider) => endorsementCovers(wider, one)),
    )
  }
}
