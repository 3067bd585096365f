/** What two sets of permissions have in common when one permission may cover another (`cs.*` covers `cs.DL`). */

export type Covers = (held: string, asked: string) => boolean

/** Every permission that both sets allow, in its narrower form. Sorted, without duplicates. */
export function meet(left: readonly string[], right: readonly string[], covers: Covers): string[] {
  const common = new Set<string>()
  for (const a of left) {
    for (const b of right) {
      if (covers(a, b)) common.add(b)
      else if (covers(b, a)) common.add(a)
    }
  }
  return [...common].sort()
}
