/**
 * The fields of a registration. Each field is described once: its option, its check, its JSON Schema, its name in documents
 * and in the audit. This name is the key in snake_case, which is the name of the column too. The token path must not import
 * this file, because it loads zod.
 */

import * as z from 'zod/mini'
import { snakeCase, textOf } from '../../domain/json-object.ts'
import { invalid } from './errors.ts'

export { snakeCase }

export type Schema = z.ZodMiniType

export type Field<T> = Readonly<{
  /** The flags in the form of Commander: `--owner <id>`. */
  flags: string
  /** `{empty}` stands for the value that means none. */
  help: string
  /** The schema of the member in a JSON body. Each sentence has `{field}` in the place of the field's name. */
  schema: Schema
  /** Turns a checked value into the stored value; without this function the value itself is stored. */
  keep?: (checked: never) => T
  /** Turns the text of an option into a value, before the check; without this function the text itself is the value. */
  fromText?: (text: string) => unknown
  isList?: true
  isRequired?: true
  /** The value that a creation stores if the field is missing. */
  initial?: T
  /** The help of `--no-…`, an option of `update`. */
  off?: string
  /** Turns the value into what documents and the audit show; without this function they show the value itself. */
  inDocument?: (value: T) => unknown
  inAudit?: (value: T) => unknown
}>
export type FieldTable<T> = { readonly [name in keyof T]-?: Field<T[name]> }

export const isoTime = (epochSeconds: number | null) =>
  epochSeconds === null ? null : new Date(epochSeconds * 1000).toISOString()

const isMissing = (input: unknown) => input === undefined
export const wrongType = (type: string) => (issue: { readonly input?: unknown }) =>
  isMissing(issue.input) ? '{field} is required' : `{field} must be ${type}`

/** JSON can contain such texts, but D1 cannot store them. */
const isStorable = (text: string) => !text.includes('\0') && text.isWellFormed()

/** The schema of any text that can be stored. */
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

export const kept = ({ keep }: Field<unknown>, checked: unknown) =>
  keep ? keep(checked as never) : checked

export const helpInJson = (help: string) => help.replaceAll('{empty}', 'null')

/** The members of a body: with defaults for a creation, and all optional for an update. */
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

/** Only these fields of a checked body, in the form that is stored. */
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

/** The given fields of `record` in the form that a document or the audit shows. No other member of the record is shown. */
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
