/**
 * The fields of a registration. Each is described once: option, check, JSON Schema, document word, audit word. The word in
 * documents and in the audit is the key in snake_case, which is the column too. Not for the token path: it loads zod.
 */

import * as z from 'zod/mini'
import { snakeCase, textOf } from '../../domain/json-object.ts'
import { invalid } from './errors.ts'

export { snakeCase }

export type Schema = z.ZodMiniType

export type Field<T> = Readonly<{
  /** As Commander takes them: `--owner <id>`. */
  flags: string
  /** `{empty}` stands for the value that means none. */
  help: string
  /** What a JSON body may have. Each sentence has `{field}` where the field's name stands. */
  schema: Schema
  /** What is kept of a checked value; the value itself where this is missing. */
  keep?: (checked: never) => T
  /** What the text of an option stands for, before it is checked; the text itself where this is missing. */
  fromText?: (text: string) => unknown
  isList?: true
  /** A creation needs it. */
  isRequired?: true
  /** What a creation keeps without it. */
  initial?: T
  /** The help of `--no-…`, an option of `update`. */
  off?: string
  /** What documents and the audit show; the value itself where this is missing. */
  inDocument?: (value: T) => unknown
  inAudit?: (value: T) => unknown
}>
export type FieldTable<T> = { readonly [name in keyof T]-?: Field<T[name]> }

export const isoTime = (epochSeconds: number | null) =>
  epochSeconds === null ? null : new Date(epochSeconds * 1000).toISOString()

const isMissing = (input: unknown) => input === undefined
export const wrongType = (type: string) => (issue: { readonly input?: unknown }) =>
  isMissing(issue.input) ? '{field} is required' : `{field} must be ${type}`

/** JSON can hold them, storage cannot. */
const isStorable = (text: string) => !text.includes('\0') && text.isWellFormed()

/** Any text that can be stored. */
export const textSchema = (maxLength: number) =>
  z.string({ error: wrongType('text') }).check(
    z.maxLength(maxLength, { error: `{field} must not be longer than ${maxLength} characters` }),
    z.refine(isStorable, {
      error: '{field} must not hold a NUL or half of a surrogate pair',
    }),
  )

export const filledSchema = (maxLength: number) => {
  const error = '{field} must not be empty'
  return textSchema(maxLength).check(
    z.minLength(1, { error }),
    z.refine((text: string) => text.trim() !== '', { error }),
  )
}

/** `sentence` says what is wrong with a text, which it may quote. */
export const checkedText = (
  maxLength: number,
  isGood: (text: string) => boolean,
  sentence: (text: string) => string,
) =>
  textSchema(maxLength).check(z.refine(isGood, { error: (issue) => sentence(textOf(issue.input)) }))

export const oneOfSchema = <T extends string>(
  known: readonly T[],
  sentence: (input: unknown) => string,
) => z.enum(known, { error: ({ input }) => sentence(input) })

export const flagSchema = () => z.boolean({ error: wrongType('true or false') })

const MAX_LISTED = 1000
export const listSchema = (item: Schema, most = MAX_LISTED) =>
  z.array(item, { error: wrongType('a list') }).check(
    z.maxLength(most, { error: `{field} must not have more than ${most} values` }),
    z.overwrite((values: unknown[]) => [...new Set(values)]),
  )

/** `off`: the help of `--no-…`. */
export const flagField = (flags: string, help: string, off: string) => ({
  flags,
  help,
  off,
  initial: false,
  schema: flagSchema(),
})

export const listField = (flags: string, help: string, item: Schema, most?: number) => ({
  flags,
  help,
  isList: true as const,
  schema: listSchema(item, most),
})

export const entriesOf = <T>(fields: FieldTable<T>) =>
  Object.entries(fields) as readonly (readonly [string, Field<unknown>])[]

/** Throws a RegistrationError that names the field of the first problem. */
export function requireValid<T>(schema: z.ZodMiniType<T>, value: unknown, field?: string): T {
  const read = schema.safeParse(value, { reportInput: true })
  if (read.success) return read.data
  const issue = read.error.issues[0] as z.core.$ZodIssue
  const [member] = issue.path
  const name = field ?? (member === undefined ? null : String(member))
  if (issue.code === 'unrecognized_keys') {
    const unknown = String(issue.keys[0]).slice(0, 100)
    throw invalid(`there is no member {field}`, unknown)
  }
  throw invalid(issue.message, name)
}

/** The value of a field as it is kept. */
export const kept = ({ keep }: Field<unknown>, checked: unknown) =>
  keep ? keep(checked as never) : checked

/** In the words of JSON. */
export const helpInJson = (help: string) => help.replaceAll('{empty}', 'null')

/** The members of a body: for a creation with defaults, for an update all optional. */
export const membersOf = <T>(fields: FieldTable<T>, isCreation: boolean): Record<string, Schema> =>
  Object.fromEntries(
    entriesOf(fields).map(([name, { schema, isRequired, initial, help }]) => {
      const described = schema.check(z.describe(helpInJson(help))) as Schema
      if (isCreation && isRequired) return [snakeCase(name), described]
      if (isCreation && initial !== undefined) {
        return [snakeCase(name), z._default(described, initial as never)]
      }
      return [snakeCase(name), z.optional(described)]
    }),
  )

/** Only these fields of a checked body, as they are kept. */
export const fieldsIn = <T>(
  fields: FieldTable<T>,
  body: Readonly<Record<string, unknown>>,
): Partial<T> =>
  Object.fromEntries(
    entriesOf(fields).flatMap(([name, field]) => {
      const value = body[snakeCase(name)]
      return value === undefined ? [] : [[name, kept(field, value)]]
    }),
  ) as Partial<T>

/** The fields that `record` has, as a document or the audit shows them. No other field of it is shown. */
export const shown = <T>(
  where: 'inDocument' | 'inAudit',
  fields: FieldTable<T>,
  record: Partial<T>,
): Record<string, unknown> => {
  const values = new Map(Object.entries(record))
  return Object.fromEntries(
    entriesOf(fields)
      .filter(([name]) => values.has(name))
      .map(([name, { [where]: show = (value: unknown) => value }]) => [
        snakeCase(name),
        show(values.get(name)),
      ]),
  )
}
