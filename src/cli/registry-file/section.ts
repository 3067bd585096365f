/** What a section of a registry file is, and how the tables of fields make one. */

import { isDeepStrictEqual } from 'node:util'
import * as z from 'zod/mini'
import { readHierarchy } from '../../domain/scope.ts'
import {
  entriesOf,
  type FieldTable,
  flagSchema,
  membersOf,
  type Schema,
  snakeCase,
} from '../../protocol/registration/field.ts'

export const FILE_VERSION = 1

/**
 * An entry of a registry file: one client, one user. It has every member, named as in the documents of the management API,
 * and no date, secret or version. Lists are sets: sorted, without duplicates.
 */
export type Entry = Readonly<Record<string, unknown>>

export const asSet = (values: readonly string[]) => [...new Set(values)].sort()

/** The order of members has no meaning in JSON. */
export const isSame = isDeepStrictEqual

/** The members of `after` that differ from those of `before`. */
export const differing = (before: Entry, after: Entry): Entry =>
  Object.fromEntries(Object.entries(after).filter(([name, value]) => !isSame(before[name], value)))

export const listIn = (entry: Entry, name: string) => entry[name] as readonly string[]

/** `field` as a member of the entry. `sentence` has `{field}` where its name stands. */
type EntryProblem = Readonly<{ field: string; sentence: string }>

export type Completed = Readonly<{
  entry: Entry
  problems: readonly EntryProblem[]
  /** Sentences for people, without a full stop. */
  notes: readonly string[]
}>

/** The ids of entries, by the names of their sections. */
type References = Readonly<Record<string, readonly string[]>>

export type Section = Readonly<{
  /** In the file. */
  name: string
  /** The path of the list in the API. */
  path: `/${string}`
  /** One entry, for people. */
  noun: string
  /** The member that names an entry. */
  id: string
  /** All members, in the order of the file. */
  members: readonly string[]
  /** Checks an entry of the file, gives it members that it lacks, and makes sets of its lists. */
  schema: z.ZodMiniType<Entry>
  /** What members stand for that the file leaves out. Those that are not here are always written. */
  defaults: Entry
  /** From a document of the API. */
  entryOf: (document: Entry) => Entry
  /** As the registry would keep it, and what cannot be registered. */
  complete: (checked: Entry) => Promise<Completed>
  /** No two entries have it: another name of an entry. Null for sections without one. */
  otherName: Readonly<{ field: string; keyOf: (entry: Entry) => string }> | null
  /** The registry's own, which no file names. */
  isOwn: (id: string) => boolean
  /** The filter of the API's list that leaves out what no file has, since it is not an operator's. */
  filter: Readonly<Record<string, string>>
  /** Entries of other sections refer to these: they are deleted last. */
  isReferredTo: boolean
  /** What keeps other entries from being deleted, by the names of their sections. */
  refersTo: (entry: Entry) => References
  /** The API replaces the list as a whole. */
  isOneList: boolean
  /** The body that creates it. What the body leaves out follows with `nextBody`. */
  firstBody: (after: Entry) => Entry
  /** The body of the next change on the way to `after`; null when nothing is left to do. */
  nextBody: (current: Entry, after: Entry) => Entry | null
}>

export const completed = (entry: Entry): Completed => ({ entry, problems: [], notes: [] })

/** What sections do unless they say otherwise. */
export const PLAIN = {
  complete: async (checked: Entry) => completed(checked),
  otherName: null,
  isOwn: () => false,
  filter: {},
  isReferredTo: false,
  refersTo: () => ({}),
  isOneList: false,
  firstBody: (after: Entry) => after,
  /** One body with all that differs. */
  nextBody(current: Entry, after: Entry) {
    const body = differing(current, after)
    return Object.keys(body).length === 0 ? null : body
  },
}

type AnyFields = FieldTable<Readonly<Record<string, unknown>>>

/** Tables of fields, as `FieldTable` of any record. */
const asAny = (fields: unknown) => fields as AnyFields

type Tables = Readonly<{
  idSchema: Schema
  fields: unknown
  lists?: unknown
  /** The lists that have a second one, `requested_…`. */
  requestable?: unknown
  /** Entries can be disabled. */
  hasState?: true
}>

const namesIn = (fields: unknown = {}) => entriesOf(asAny(fields)).map(([name]) => snakeCase(name))

const setsIn = (fields: unknown) =>
  entriesOf(asAny(fields)).flatMap(([name, { isList }]) => (isList ? [snakeCase(name)] : []))

export const requestedName = (name: string) => `requested_${name}`

/** The schema, the defaults and the reading of documents, from the tables of the noun's fields. */
export function fromTables(
  id: string,
  { idSchema, fields, lists = {}, requestable = {}, hasState }: Tables,
): Pick<Section, 'members' | 'schema' | 'defaults' | 'entryOf'> {
  const listSchemas = membersOf(asAny(lists), false)
  const requested = namesIn(requestable).map(
    (name) => [requestedName(name), listSchemas[name] as Schema] as const,
  )
  const allLists = { ...listSchemas, ...Object.fromEntries(requested) }
  const initial = entriesOf(asAny(fields)).flatMap(([name, field]) => {
    const { initial: value, inDocument = (kept: unknown) => kept } = field
    return value === undefined ? [] : [[snakeCase(name), inDocument(value)] as const]
  })
  const strict = z.strictObject({
    [id]: idSchema,
    ...membersOf(asAny(fields), true),
    ...allLists,
    ...(hasState && { disabled: z._default(flagSchema(), false) }),
  })
  const listNames = Object.keys(allLists)
  const sets = new Set([...listNames, ...setsIn(fields)])
  const withSets = (entry: Entry): Entry =>
    Object.fromEntries(
      Object.entries(entry).map(([name, value]) => [
        name,
        sets.has(name) ? asSet(value as readonly string[]) : value,
      ]),
    )
  const names = [id, ...namesIn(fields), ...listNames]
  return {
    members: [...names, ...(hasState ? ['disabled'] : [])],
    schema: z.pipe(strict, z.transform(withSets)),
    defaults: {
      ...Object.fromEntries(initial),
      ...Object.fromEntries(listNames.map((name) => [name, []])),
      ...(hasState && { disabled: false }),
    },
    entryOf: (document) => ({
      ...withSets(Object.fromEntries(names.map((name) => [name, document[name]]))),
      ...(hasState && { disabled: document.disabled_at !== null }),
    }),
  }
}

/** The names by which scopes are declared: `d:a:ID` has what is declared of `d:a`. */
export const declaredScopes = (scopes: readonly string[]): string[] =>
  scopes.flatMap((scope) => [scope, readHierarchy(scope)?.general ?? scope])

export const without = (entry: Entry, names: readonly string[]): Entry =>
  Object.fromEntries(Object.entries(entry).filter(([name]) => !names.includes(name)))

/** An entry as the file has it: members with their default are left out. */
export const fileForm = ({ members, defaults }: Section, entry: Entry): Entry => {
  const written = differing(defaults, entry)
  return Object.fromEntries(
    members.filter((name) => name in written).map((name) => [name, entry[name]]),
  )
}
