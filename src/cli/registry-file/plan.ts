/** What must change so that the registry is as a file says: a pure function of both. */

import { hasRegistryScope } from '../../domain/registry-scopes.ts'
import type { Item, RegistryFile } from './read.ts'
import { type Entry, fileForm, isSame, listIn, requestedName, type Section } from './section.ts'
import type { FileProblem } from './text.ts'

export type Change = Readonly<{
  action: 'create' | 'change' | 'delete'
  section: Section
  id: string
  /** Null for what is created. */
  before: Entry | null
  /** Null for what is deleted. */
  after: Entry | null
}>

export type Plan = Readonly<{
  /** In the order in which they are made. */
  changes: readonly Change[]
  unchanged: number
  /** How many entries are not in the file and stay, by section. */
  unlisted: readonly Readonly<{ section: Section; count: number }>[]
  /** Then those of `unlisted` stay because they administer the registry. */
  prunes: boolean
  /** What in the file prevents the plan. */
  problems: readonly FileProblem[]
  notes: readonly string[]
}>

/** The entries of the registry, by the section's name. */
export type State = ReadonlyMap<string, readonly Entry[]>

/** An entry that there is when all changes are made. */
type Held = Readonly<{ section: Section; entry: Entry }>

/** The items of a section, each with the entry of its id. */
type Matched = Readonly<{ item: Item; before: Entry | null }>

/** An item that is as the registry has it is accepted, also when it breaks a rule that is newer than the record. */
const isKept = (section: Section, { item, before }: Matched) =>
  before !== null && isSame(fileForm(section, before), item.raw)

type Update = Change & Readonly<{ before: Entry; after: Entry }>

/** Puts an entry that gives a name up before the one that takes it. Where names go in a circle there is no order. */
function byNames(updates: readonly Update[], { otherName }: Section) {
  if (!otherName) return { ordered: updates, circles: [] }
  const { keyOf } = otherName
  const isRename = ({ before, after }: Update) => keyOf(before) !== keyOf(after)
  const renames = updates.filter(isRename)
  const holders = new Map(renames.map((one) => [keyOf(one.before), one]))
  const ordered = new Set(updates.filter((one) => !isRename(one)))
  const circles: Update[] = []
  for (const one of renames) {
    const chain = new Set<Update>()
    let next: Update | undefined = one
    while (next && !ordered.has(next) && !chain.has(next)) {
      chain.add(next)
      next = holders.get(keyOf(next.after))
    }
    if (next && chain.has(next)) circles.push(one)
    for (const each of [...chain].reverse()) ordered.add(each)
  }
  return { ordered: [...ordered], circles }
}

/** Entries of the file may not take the names of those that are not in it and stay. */
function takenNames(
  items: readonly Item[],
  unlisted: readonly Entry[],
  { id, otherName }: Section,
): FileProblem[] {
  if (!otherName) return []
  const { field, keyOf } = otherName
  const holders = new Map(unlisted.map((entry) => [keyOf(entry), String(entry[id])]))
  return items.flatMap(({ entry, label, line }) => {
    const holder = entry && holders.get(keyOf(entry))
    if (!holder) return []
    return [{ line, message: `${label}: ${field} is that of ${holder}, which is not in the file` }]
  })
}

const scopesOf = (entry: Entry) =>
  ['scopes', requestedName('scopes')].flatMap((name) => (name in entry ? listIn(entry, name) : []))

/** A file that forgets an operator must not lock the operators out. */
const isOperator = (entry: Entry) => hasRegistryScope(scopesOf(entry))

/** The registry keeps an entry while others refer to it. */
function referredTo(deletions: readonly Change[], left: readonly Held[]): FileProblem[] {
  const referring = new Map<string, string>()
  for (const { section, entry } of left) {
    for (const [name, ids] of Object.entries(section.refersTo(entry))) {
      for (const id of ids) referring.set(`${name} ${id}`, `${section.noun} ${entry[section.id]}`)
    }
  }
  return deletions.flatMap(({ section, id }) => {
    const by = referring.get(`${section.name} ${id}`)
    if (by === undefined) return []
    const message = `${section.noun} ${id} is not in the file, but ${by} refers to it: keep it, or change ${by}`
    return [{ line: 1, message }]
  })
}

function planSection(
  section: Section,
  items: readonly Item[],
  current: readonly Entry[],
  prunes: boolean,
) {
  const byId = new Map(current.map((entry) => [String(entry[section.id]), entry]))
  const matched = items.map((item) => ({ item, before: byId.get(item.id ?? '') ?? null }))
  const open = matched.filter((one) => !isKept(section, one))
  const changes = open.flatMap(({ item: { id, entry }, before }): Change[] => {
    if (id === null || entry === null || isSame(before, entry)) return []
    return [{ action: before ? 'change' : 'create', section, id, before, after: entry }]
  })
  const listed = new Set(items.map(({ id }) => id))
  const rest = current.filter((entry) => !listed.has(String(entry[section.id])))
  const pruned = prunes ? rest.filter((entry) => !isOperator(entry)) : []
  const deletions = pruned.map(
    (before): Change => ({
      action: 'delete',
      section,
      id: String(before[section.id]),
      before,
      after: null,
    }),
  )
  const unlisted = rest.filter((entry) => !prunes || isOperator(entry))
  const updates = changes.filter((one): one is Update => one.action === 'change')
  const { ordered, circles } = byNames(updates, section)
  const lineOf = new Map(items.map(({ id, line }) => [id, line]))
  const inCircle = circles.map(({ id }) => ({
    line: lineOf.get(id) ?? 1,
    message: `${section.noun} ${id}: entries exchange their ${section.otherName?.field}: rename one of them first`,
  }))
  return {
    deletions,
    changes: [...ordered, ...changes.filter(({ action }) => action === 'create')],
    unchanged: matched.length - changes.length,
    unlisted: { section, count: unlisted.length },
    left: [...matched.map(({ item, before }) => item.entry ?? before), ...unlisted].flatMap(
      (entry) => (entry ? [{ section, entry }] : []),
    ),
    notes: open.flatMap(({ item }) => item.notes),
    problems: [
      ...open.flatMap(({ item }) => item.problems),
      ...inCircle,
      ...takenNames(items, unlisted, section),
    ],
  }
}

/** What a plan is made from. What others refer to is not deleted, so then every section is read. */
export const sectionsToRead = (
  { items }: RegistryFile,
  sections: readonly Section[],
  prunes: boolean,
): readonly Section[] => {
  const ofFile = sections.filter(({ name }) => items.has(name))
  return prunes && ofFile.some(({ isReferredTo }) => isReferredTo) ? sections : ofFile
}

/**
 * `state`: of the sections to read. In each section deletions come first, which frees names; what other sections
 * refer to is deleted last.
 */
export function planOf(
  { items }: RegistryFile,
  state: State,
  sections: readonly Section[],
  { prunes }: Readonly<{ prunes: boolean }>,
): Plan {
  const planned = sections.flatMap((section) => {
    const given = items.get(section.name)
    return given ? [planSection(section, given, state.get(section.name) ?? [], prunes)] : []
  })
  const others = sections.flatMap((section) => {
    const current = items.has(section.name) ? [] : (state.get(section.name) ?? [])
    return current.map((entry): Held => ({ section, entry }))
  })
  const isLast = ({ section }: Change) => section.isReferredTo
  return {
    changes: [
      ...planned.flatMap(({ deletions, changes }) => [
        ...deletions.filter((one) => !isLast(one)),
        ...changes,
      ]),
      ...planned.flatMap(({ deletions }) => deletions.filter(isLast)),
    ],
    unchanged: planned.reduce((sum, { unchanged }) => sum + unchanged, 0),
    unlisted: planned.map(({ unlisted }) => unlisted).filter(({ count }) => count > 0),
    prunes,
    problems: [
      ...planned.flatMap(({ problems }) => problems),
      ...referredTo(
        planned.flatMap(({ deletions }) => deletions),
        [...planned.flatMap(({ left }) => left), ...others],
      ),
    ],
    notes: planned.flatMap(({ notes }) => notes),
  }
}
