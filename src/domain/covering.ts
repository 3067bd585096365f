/** Sets of permissions where one may cover another (`cs.*` covers `cs.DL`): what two sets have in common. */

export type Covers = (held: string, asked: string) => boolean

/** Everything that both sets allow, each in its narrower form. Sorted, without repetition. */
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
