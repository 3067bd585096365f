/**
 * An entry of a registry file: one client, one user. It has every member, named as in the documents of the management API,
 * and no date, secret or version. Lists are sets: sorted, without duplicates.
 */

export type Entry = Readonly<Record<string, unknown>>

export const asSet = (values: readonly string[]) => [...new Set(values)].sort()

/** Without the order of members, which JSON gives no meaning. */
const canonical = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(canonical)
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).map(([name, inner]) => [name, canonical(inner)] as const)
  return Object.fromEntries(members.sort(([a], [b]) => (a < b ? -1 : 1)))
}

export const isSame = (left: unknown, right: unknown) =>
  JSON.stringify(canonical(left)) === JSON.stringify(canonical(right))

/** The members of `after` that differ from those of `before`. */
export const differing = (before: Entry, after: Entry): Entry =>
  Object.fromEntries(Object.entries(after).filter(([name, value]) => !isSame(before[name], value)))

export const listIn = (entry: Entry, name: string) => entry[name] as readonly string[]
