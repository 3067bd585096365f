/** The changes that make the registry match a file: a pure function of both. */

import { hasRegistryScope } from '../../domain/registry-scopes.ts'
import type { Item, RegistryFile } from './read.ts'
import { type Entry, fileForm, isSame, listIn, requestedName, type Section } from './section.ts'
import { SECTIONS } from './sections.ts'
import type { FileProblem } from './text.ts'

export type Change = Readonly<{
  action: 'create' | 'change' | 'delete'
  section: Section
  id: string
  /** Null for an entry that is created. */
  before: Entry | null
  /** Null for an entry that is deleted. */
  after: Entry | null
}>

export type Plan = Readonly<{
  /** The changes in the order in which they are made. */
  changes: readonly Change[]
  unchanged: number
  /** The number of entries that the file does not have and that stay, by section. */
  unlisted: readonly Readonly<{ section: Section; count: number }>[]
  /** True if such entries are deleted. The entries of `unlisted` then stay because they administer the registry. */
  prunes: boolean
  /** The problems of the file that prevent the plan. */
  problems: readonly FileProblem[]
  notes: readonly string[]
}>

/** The entries of the registry, by the names of the sections. */
export type State = ReadonlyMap<string, readonly Entry[]>

/** An entry that exists after all changes. */
type Held = Readonly<{ section: Section; entry: Entry }>

/** The items of a section, each with the entry of its id. */
type Matched = Readonly<{ item: Item; before: Entry | null }>

/** An item that equals the registry's entry is accepted, even if it breaks a rule that is newer than the record. */
const isKept = (section: Section, { item, before }: Matched) =>
  before !== null && isSame(fileForm(section, before), item.raw)

type Update = Change & Readonly<{ before: Entry; after: Entry }>

/** An entry that gives up a name goes before the entry that takes it. Names exchanged in a circle have no such order. */
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

/** An entry of the file may not take the name of an entry that is not in the file and stays. */
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

/** A file that lists no operator must not lock the operators out. */
const isOperator = (entry: Entry) => hasRegistryScope(scopesOf(entry))

/** The registry does not delete an entry while others refer to it. */
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

type Given = Readonly<{ items: readonly Item[]; current: readonly Entry[] }>

/** The entries that the file does not have, and those of them that are deleted. */
function restOf(section: Section, { items, current }: Given, prunes: boolean) {
  const listed = new Set(items.map(({ id }) => id))
  const rest = current.filter((entry) => !listed.has(String(entry[section.id])))
  const isPruned = (entry: Entry) => prunes && !isOperator(entry)
  const deletions = rest.filter(isPruned).map((before): Change => {
    const id = String(before[section.id])
    return { action: 'delete', section, id, before, after: null }
  })
  return { deletions, unlisted: rest.filter((entry) => !isPruned(entry)) }
}

function planSection(section: Section, given: Given, prunes: boolean) {
  const { items, current } = given
  const byId = new Map(current.map((entry) => [String(entry[section.id]), entry]))
  const matched = items.map((item) => ({ item, before: byId.get(item.id ?? '') ?? null }))
  const open = matched.filter((one) => !isKept(section, one))
  const changes = open.flatMap(({ item: { id, entry }, before }): Change[] => {
    if (id === null || entry === null || isSame(before, entry)) return []
    return [{ action: before ? 'change' : 'create', section, id, before, after: entry }]
  })
  const { deletions, unlisted } = restOf(section, given, prunes)
  const updates = changes.filter((one): one is Update => one.action === 'change')
  const { ordered, circles } = byNames(updates, section)
  const inCircle = circles.map(({ id }) => ({
    line: items.find((item) => item.id === id)?.line ?? 1,
    message: `${section.noun} ${id}: entries exchange their ${section.otherName?.field}: rename one of them first`,
  }))
  const left = [...matched.map(({ item, before }) => item.entry ?? before), ...unlisted]
  return {
    deletions,
    changes: [...ordered, ...changes.filter(({ action }) => action === 'create')],
    unchanged: matched.length - changes.length,
    unlisted: { section, count: unlisted.length },
    left: left.flatMap((entry): Held[] => (entry ? [{ section, entry }] : [])),
    notes: open.flatMap(({ item }) => item.notes),
    problems: [
      ...open.flatMap(({ item }) => item.problems),
      ...inCircle,
      ...takenNames(items, unlisted, section),
    ],
  }
}

/** A plan with deletions needs every section, because an entry is not deleted while others refer to it. */
export function sectionsToRead({ items }: RegistryFile, prunes: boolean): readonly Section[] {
  const ofFile = SECTIONS.filter(({ name }) => items.has(name))
  return prunes && ofFile.some(({ isReferredTo }) => isReferredTo) ? SECTIONS : ofFile
}

/** `state`: of `sectionsToRead`. Deletions free names, so they come first; entries that others refer to are deleted last. */
export function planOf({ items: inFile }: RegistryFile, state: State, prunes: boolean): Plan {
  const currentOf = ({ name }: Section) => state.get(name) ?? []
  const planned = SECTIONS.flatMap((section) => {
    const items = inFile.get(section.name)
    return items ? [planSection(section, { items, current: currentOf(section) }, prunes)] : []
  })
  const others = SECTIONS.filter(({ name }) => !inFile.has(name)).flatMap((section) =>
    currentOf(section).map((entry): Held => ({ section, entry })),
  )
  const deletions = planned.flatMap((one) => one.deletions)
  const isLast = ({ section }: Change) => section.isReferredTo
  return {
    changes: [
      ...planned.flatMap((one) => [
        ...one.deletions.filter((change) => !isLast(change)),
        ...one.changes,
      ]),
      ...deletions.filter(isLast),
    ],
    unchanged: planned.reduce((sum, { unchanged }) => sum + unchanged, 0),
    unlisted: planned.map(({ unlisted }) => unlisted).filter(({ count }) => count > 0),
    prunes,
    problems: [
      ...planned.flatMap(({ problems }) => problems),
      ...referredTo(deletions, [...planned.flatMap(({ left }) => left), ...others]),
    ],
    notes: planned.flatMap(({ notes }) => notes),
  }
}
