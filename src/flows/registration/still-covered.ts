/** Notes about what is still covered after a withdrawal. */

import { endorsementCovers } from '../../domain/category.ts'
import { scopeCovers } from '../../domain/scope.ts'
import type { UserLists } from '../../domain/user.ts'

/** Names the withdrawn values that the client or the user still has, because a wider value covers them. */
export function stillCovered(withdrawn: UserLists, held: Readonly<Required<UserLists>>): string[] {
  const notesOf = (list: keyof UserLists, covers: typeof scopeCovers) =>
    (withdrawn[list] ?? []).flatMap((one) => {
      const wider = held[list].find((wide) => covers(wide, one))
      return wider === undefined ? [] : [`${wider} is still held and covers ${one}`]
    })
  return [...notesOf('scopes', scopeCovers), ...notesOf('endorsements', endorsementCovers)]
}
