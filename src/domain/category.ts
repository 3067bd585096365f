/** Endorsements: a category (`cs.DL`, `hep-th`), an archive (`cs.*`) or everything (`*.*`). */

import { meet } from './scope.ts'

const FORM = /^(\*\.\*|[a-z][a-z-]*(\.(\*|[A-Za-z][A-Za-z-]*))?)$/
export const MAX_ENDORSEMENT_LENGTH = 64
export const EVERY_CATEGORY = '*.*'

export const isEndorsement = (text: string) =>
  text.length <= MAX_ENDORSEMENT_LENGTH && FORM.test(text)

/** `cs.*` covers `cs.DL`, and `*.*` covers all. `hep-th.*` covers `hep-th`, an archive that is its own category. */
export const endorsementCovers = (held: string, asked: string) =>
  held === asked ||
  held === EVERY_CATEGORY ||
  (held.endsWith('.*') && `${asked}.`.startsWith(held.slice(0, -1)))

export const isEndorsedFor = (held: readonly string[], category: string) =>
  held.some((endorsement) => endorsementCovers(endorsement, category))

export function withoutCovered(endorsements: readonly string[]): string[] {
  const all = [...new Set(endorsements)]
  return all.filter((one) => !all.some((other) => other !== one && endorsementCovers(other, one)))
}

export const meetEndorsements = (left: readonly string[], right: readonly string[]) =>
  withoutCovered(meet(left, right, endorsementCovers))
