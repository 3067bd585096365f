/** The options for the fields of a record, and the values that an administrator may type for them. */

import { Option } from 'commander'
import { CLIENT_FIELDS, CLIENT_LISTS } from '../protocol/registration/client-fields.ts'
import type { Words } from '../protocol/registration/errors.ts'
import {
  entriesOf,
  type Field,
  type FieldTable,
  kept,
  requireValid,
  snakeCase,
} from '../protocol/registration/field.ts'
import { RESOURCE_FIELDS } from '../protocol/registration/resource-fields.ts'
import { SCOPE_FIELDS } from '../protocol/registration/scope-fields.ts'
import { USER_FIELDS, USER_LISTS } from '../protocol/registration/user-fields.ts'
import { listOption } from './verb.ts'

export const optionsOf = <T>(fields: FieldTable<T>, isCreate = false): Option[] =>
  entriesOf(fields).flatMap(([, { flags, help, isList, isRequired = false, off }]) => {
    const words = help.replaceAll('{empty}', '""')
    const option = isList ? listOption(flags, words) : new Option(flags, words)
    option.makeOptionMandatory(isCreate && isRequired)
    return off && !isCreate ? [option, new Option(flags.replace('--', '--no-'), off)] : [option]
  })

/** The options of a command, by Commander's names. */
export type Given = Readonly<Record<string, unknown>>

/** Only the fields that were given. Throws a RegistrationError. */
export const readGiven = <T>(fields: FieldTable<T>, options: Given): Partial<T> =>
  Object.fromEntries(
    entriesOf(fields).flatMap(([name, field]) => {
      const typed = options[new Option(field.flags).attributeName()]
      if (typed === undefined) return []
      const { fromText, schema } = field
      const meant = fromText && typeof typed === 'string' ? fromText(typed) : typed
      return [[name, kept(field, requireValid(schema, meant, snakeCase(name)))]]
    }),
  ) as Partial<T>

/** The options for members that only the API can refuse, by the names in the API's sentences. */
export const OPTIONS_OF_MEMBERS: Readonly<Record<string, string>> = {
  jwks: '--jwks or --jwks-file',
  even_unknown: '--even-unknown',
  withdraw: '--withdraw',
  default_resources: '--default-resource',
}

const optionOf = ({ flags }: Field<unknown>) => flags.replace(/ .*/, '')
const OPTIONS: ReadonlyMap<string, string> = new Map([
  ...[CLIENT_FIELDS, CLIENT_LISTS, USER_FIELDS, USER_LISTS, SCOPE_FIELDS, RESOURCE_FIELDS].flatMap(
    (fields) =>
      entriesOf(fields as FieldTable<unknown>).map(
        ([name, field]) => [snakeCase(name), optionOf(field)] as const,
      ),
  ),
  ...Object.entries(OPTIONS_OF_MEMBERS),
])

export const OPTION_WORDS: Words = {
  nameOf: (field) => OPTIONS.get(field) ?? field,
  empty: '""',
}

export const bodyOf = (given: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(given).map(([name, value]) => [snakeCase(name), value]))
