/** What a section of a registry file is, and how the tables of fields make a section. */

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

/** One client, for example: the members of the API's document without date, secret or version. Lists are sorted sets. */
export type Entry = Readonly<Record<string, unknown>>

export const asSet = (values: readonly string[]) => [...new Set(values)].sort()

/** Compares without the order of members, which has no meaning in JSON. */
export const isSame = isDeepStrictEqual

/** The members of `after` that differ from those of `before`. */
export const differing = (before: Entry, after: Entry): Entry =>
  Object.fromEntries(Object.entries(after).filter(([name, value]) => !isSame(before[name], value)))

export const listIn = (entry: Entry, name: string) => entry[name] as readonly string[]

/** `field` is the member of the entry. `sentence` has `{field}` in the place of the member's name. */
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
  name: string
  /** The path of the list in the API. */
  path: `/${string}`
  /** The word for one entry, for people. */
  noun: string
  /** The name of the member that identifies an entry. */
  id: string
  /** The names of all members, in the order of the file. */
  members: readonly string[]
  /** Checks an entry of the file, adds the members that it lacks, and turns its lists into sets. */
  schema: z.ZodMiniType<Entry>
  /** The values of members that the file leaves out. Members without a default are always written. */
  defaults: Entry
  entryOf: (document: Entry) => Entry
  /** The entry in the form that the registry would store, and the problems that prevent its registration. */
  complete: (checked: Entry) => Promise<Completed>
  /** Another name that no two entries may share. Null for sections without such a name. */
  otherName: Readonly<{ field: string; keyOf: (entry: Entry) => string }> | null
  /** Is the entry one of the registry's own, which a file must not name? */
  isOwn: (id: string) => boolean
  /** The filter of the API's list that leaves out entries that no file has, because no operator made them. */
  filter: Readonly<Record<string, string>>
  /** True if entries of other sections refer to these, which are then deleted last. */
  isReferredTo: boolean
  /** The entries that this entry prevents from being deleted, by the names of their sections. */
  refersTo: (entry: Entry) => References
  /** True if the API replaces the list as a whole. */
  isOneList: boolean
  /** The body that creates the entry. What the body leaves out follows with `nextBody`. */
  firstBody: (after: Entry) => Entry
  /** The body of the next change towards `after`; null if nothing is left to change. */
  nextBody: (current: Entry, after: Entry) => Entry | null
}>

export const completed = (entry: Entry): Completed => ({ entry, problems: [], notes: [] })

/** The defaults for sections. */
export const PLAIN = {
  complete: async (checked: Entry) => completed(checked),
  otherName: null,
  isOwn: () => false,
  filter: {},
  isReferredTo: false,
  refersTo: () => ({}),
  isOneList: false,
  firstBody: (after: Entry) => after,
  /** The body has all members that differ. */
  nextBody(current: Entry, after: Entry) {
    const body = differing(current, after)
    return Object.keys(body).length === 0 ? null : body
  },
}

type AnyFields = FieldTable<Readonly<Record<string, unknown>>>

/** The tables of fields, as a `FieldTable` of any record. */
const asAny = (fields: unknown) => fields as AnyFields

type Tables = Readonly<{
  idSchema: Schema
  fields: unknown
  lists?: unknown
  /** The lists that also exist as `requested_…`. */
  requestable?: unknown
  /** True if entries can be disabled. */
  hasState?: true
}>

const namesIn = (fields: unknown = {}) => entriesOf(asAny(fields)).map(([name]) => snakeCase(name))

const setsIn = (fields: unknown) =>
  entriesOf(asAny(fields)).flatMap(([name, { isList }]) => (isList ? [snakeCase(name)] : []))

export const requestedName = (name: string) => `requested_${name}`

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

/** The names under which scopes are declared: the declaration of `d:a` is also for `d:a:ID`. */
export const declaredScopes = (scopes: readonly string[]): string[] =>
  scopes.flatMap((scope) => [scope, readHierarchy(scope)?.general ?? scope])

export const without = (entry: Entry, names: readonly string[]): Entry =>
  Object.fromEntries(Object.entries(entry).filter(([name]) => !names.includes(name)))

/** An entry in the form of the file: members that have their default are left out. */
export const fileForm = ({ members, defaults }: Section, entry: Entry): Entry => {
  const written = differing(defaults, entry)
  return Object.fromEntries(
    members.filter((name) => name in written).map((name) => [name, entry[name]]),
  )
}
