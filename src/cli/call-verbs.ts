/** Verbs that are one call of the API each, whose answer is printed. */

import type { Command, Option } from 'commander'
import { ALL_REVOKED_WITHIN_SECONDS } from '../domain/revocation.ts'
import type { FieldTable } from '../protocol/registration/field.ts'
import { type Call, type Document, type ManagementApi, makeChange, pathOf } from './api.ts'
import { bodyOf, type Given, optionsOf, readGiven } from './options.ts'
import { type Io, note, type Printed, printFrom, refuseUsage, type Usage, verb } from './verb.ts'

/** For the help of every command that ends something. */
export const WITHIN = `within ${ALL_REVOKED_WITHIN_SECONDS} s`

/** The records of a noun. */
type Records = Readonly<{
  /** Where the API has them. */
  path: `/${string}`
  /** Sent with every call about one record. */
  query?: NonNullable<Call['query']>
  /** What names one of them: `<id>`. */
  argument: `<${string}>`
  /** An id, for the help. */
  example: string
}>

const readOf = ({ path, query = {} }: Records, id: string): Call => ({
  method: 'GET',
  path: `${path}${pathOf`/${id}`}`,
  query,
})

type Change = Readonly<{
  method: Exclude<Call['method'], 'GET'>
  /** A part of the record. */
  below?: `/${string}`
  body?: object
}>

/** A change of the current record, of any version. */
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

/** Its notes go to standard error. */
export const documentOf = async (api: ManagementApi, io: Io, call: Call): Promise<Document> =>
  (await makeChange(api, call, (sentence) => note(io, sentence))).document

/** Gets what Commander gives an action: the arguments, the options and the command. */
type ReadCall = (...given: never[]) => Call | Promise<Call>

export const callAction =
  (io: Io, read: ReadCall, printed?: Printed<Document>) =>
  async (...given: unknown[]) => {
    const call = await read(...(given as never[]))
    const command = given.at(-1) as Command
    await printFrom(command, io, (api) => documentOf(api, io, call), printed)
  }

export type CallVerb = Usage & Readonly<{ call: ReadCall; printed?: Printed<Document> }>

/** What a verb with the id alone calls. */
const CALLS = {
  show: readOf,
  disable: (records: Records, id: string) =>
    changeOf(records, id, { method: 'PATCH', body: { disabled: true } }),
  enable: (records: Records, id: string) =>
    changeOf(records, id, { method: 'PATCH', body: { disabled: false } }),
  delete: (records: Records, id: string) => changeOf(records, id, { method: 'DELETE' }),
} as const

/** A verb for each description. */
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

/** The call that changes what was given. */
export function updateOf(records: Records, id: string, given: object, command: Command): Call {
  if (Object.keys(given).length === 0) refuseUsage(command, 'there is nothing to update')
  return changeOf(records, id, { method: 'PATCH', body: given })
}

/** `update` for a noun whose options are its fields. */
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
  /** The options. At least one of them must be given. */
  needs: string
}>

type Permitting = Omit<Usage, 'usage' | 'options'> &
  Readonly<{
    /** Members of the body beside the lists. */
    beside?: FieldTable<Record<string, string>>
  }>

/** `authorize` or `withdraw`. */
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
