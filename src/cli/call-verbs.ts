/** Verbs that make one call of the API and print its response. */

import type { Command, Option } from 'commander'
import { ALL_REVOKED_WITHIN_SECONDS } from '../domain/revocation.ts'
import type { FieldTable } from '../protocol/registration/field.ts'
import { type Call, type Document, type ManagementApi, makeChange, pathOf } from './api.ts'
import { bodyOf, type Given, optionsOf, readGiven } from './options.ts'
import { type Io, note, type Printed, printFrom, refuseUsage, type Usage, verb } from './verb.ts'

/** The time in the help of every command that ends something. */
export const WITHIN = `within ${ALL_REVOKED_WITHIN_SECONDS} s`

type Records = Readonly<{
  path: `/${string}`
  /** The query of every call about one record. */
  query?: NonNullable<Call['query']>
  argument: `<${string}>`
  /** The example of an id in the help. */
  example: string
}>

const readOf = ({ path, query = {} }: Records, id: string): Call => ({
  method: 'GET',
  path: `${path}${pathOf`/${id}`}`,
  query,
})

type Change = Readonly<{
  method: Exclude<Call['method'], 'GET'>
  /** The path of a part of the record. */
  below?: `/${string}`
  body?: object
}>

/** A change of the current record, whatever its version. */
export const changeOf = (
  { path, query = {} }: Records,
  id: string,
  { method, below, body }: Change,
): Call => ({
  method,
  path: `${path}${pathOf`/${id}`}${below ?? ''}`,
  query,
  ifMatch: '*',
  ...(body && { body }),
})

/** Returns the document of the response. The notes of the response go to standard error. */
export const documentOf = async (api: ManagementApi, io: Io, call: Call): Promise<Document> =>
  (await makeChange(api, call, (sentence) => note(io, sentence))).document

/** Gets the arguments, the options and the command, as Commander gives them to an action. */
type ReadCall = (...given: never[]) => Call | Promise<Call>

export const callAction =
  (io: Io, read: ReadCall, printed?: Printed<Document>) =>
  async (...given: unknown[]) => {
    const call = await read(...(given as never[]))
    const command = given.at(-1) as Command
    await printFrom(command, io, (api) => documentOf(api, io, call), printed)
  }

export type CallVerb = Usage & Readonly<{ call: ReadCall; printed?: Printed<Document> }>

/** The calls of verbs whose only argument is the id. */
const CALLS = {
  show: readOf,
  disable: (records: Records, id: string) =>
    changeOf(records, id, { method: 'PATCH', body: { disabled: true } }),
  enable: (records: Records, id: string) =>
    changeOf(records, id, { method: 'PATCH', body: { disabled: false } }),
  delete: (records: Records, id: string) => changeOf(records, id, { method: 'DELETE' }),
} as const

export const plainVerbs = (
  records: Records,
  descriptions: Readonly<Partial<Record<keyof typeof CALLS, string>>>,
): CallVerb[] =>
  Object.entries(descriptions).map(([name, description]) => ({
    usage: `${name} ${records.argument}`,
    description,
    example: records.example,
    call: (id: string) => CALLS[name as keyof typeof CALLS](records, id),
  }))

export function addVerbs(noun: Command, io: Io, verbs: readonly CallVerb[]) {
  for (const { call, printed, ...usage } of verbs) {
    verb(noun, usage).action(callAction(io, call, printed))
  }
}

export function updateOf(records: Records, id: string, given: object, command: Command): Call {
  if (Object.keys(given).length === 0) refuseUsage(command, 'there is nothing to update')
  return changeOf(records, id, { method: 'PATCH', body: given })
}

/** The verb `update` for a noun whose options are its fields. */
export const updateVerb = <T>(
  records: Records,
  fields: FieldTable<T>,
  words: Omit<Usage, 'usage' | 'options'>,
): CallVerb => ({
  ...words,
  usage: `update ${records.argument}`,
  options: optionsOf(fields),
  call: (id: string, options: Given, command: Command) =>
    updateOf(records, id, bodyOf(readGiven(fields, options)), command),
})

type Permissions<Lists> = Readonly<{
  records: Records
  fields: FieldTable<Lists>
  /** The options of which at least one must be given. */
  needs: string
}>

type Permitting = Omit<Usage, 'usage' | 'options'> &
  Readonly<{
    /** Members of the body besides the lists. */
    beside?: FieldTable<Record<string, string>>
  }>

export function permissionsVerb<Lists>(
  name: 'authorize' | 'withdraw',
  { records, fields, needs }: Permissions<Lists>,
  { beside = {}, ...words }: Permitting,
): CallVerb {
  const options: readonly Option[] = [...optionsOf(fields), ...optionsOf(beside)]
  return {
    ...words,
    usage: `${name} <id>`,
    options,
    call(id: string, options: Given, command: Command) {
      const lists = readGiven(fields, options)
      if (Object.values(lists).every((list) => (list as readonly string[]).length === 0)) {
        refuseUsage(command, `name at least one ${needs}`)
      }
      const body = { [name]: bodyOf(lists), ...bodyOf(readGiven(beside, options)) }
      return changeOf(records, id, { method: 'POST', below: '/permissions', body })
    },
  }
}
