/** Commands that change something: one call of the API each, whose answer is printed. */

import type { Command } from 'commander'
import { ALL_REVOKED_WITHIN_SECONDS } from '../domain/revocation.ts'
import type { Fields } from '../protocol/registration/field.ts'
import type { Call, ManagementApi } from './api.ts'
import { addOptions, bodyOf, readGiven } from './options.ts'
import { asItIs, type Io, note, type Printed, printFrom, refuseUsage, verb } from './verb.ts'

/** What the API returns of a change. */
export type Document = Readonly<Record<string, unknown>>
/** For the help of every command that ends something. */
export const WITHIN = `within ${ALL_REVOKED_WITHIN_SECONDS} s`

/** A command changes the current record, whatever its version. */
export const ANY_VERSION = { ifMatch: '*' } as const

/** Returns what a change returns. Its notes go to standard error. */
export async function makeChange(api: ManagementApi, io: Io, call: Call): Promise<Document> {
  const { body } = await api.call<Document & { notes?: readonly string[] }>(call)
  const { notes = [], ...rest } = body
  for (const sentence of notes) note(io, sentence)
  return rest
}

/** Prints what a change returns. */
export const printChange = (
  command: Command,
  io: Io,
  call: Call,
  printed: Printed<Document> = asItIs,
) => printFrom(command, io, (api) => makeChange(api, io, call), printed)

type Verb = Readonly<{
  name: string
  description: string
  /** What follows the name. */
  example: string
}>

/** Verbs that take an id and no option of their own. */
export function addActs(
  noun: Command,
  io: Io,
  acts: readonly (Verb & Readonly<{ callOf: (id: string) => Call }>)[],
) {
  for (const { name, description, example, callOf } of acts) {
    verb(noun, `${name} <id>`, description, `${name} ${example}`).action(
      (id: string, _options, command: Command) => printChange(command, io, callOf(id)),
    )
  }
}

type Permissions<Lists> = Readonly<{
  fields: Fields<Lists>
  needs: string
  /** Where the permissions of a record are changed. */
  callOf: (id: string) => Omit<Call, 'body'>
}>

/** `authorize` and `withdraw`: verbs that take an id and lists, one value at least. */
export function addListsVerbs<Lists>(
  noun: Command,
  io: Io,
  { fields, needs, callOf }: Permissions<Lists>,
  verbs: readonly (Verb &
    Readonly<{
      name: 'authorize' | 'withdraw'
      /** Members of the body beside the lists. */
      beside?: Fields<Record<string, string>>
    }>)[],
) {
  for (const { name, description, example, beside = {} } of verbs) {
    const added = addOptions(verb(noun, `${name} <id>`, description, `${name} ${example}`), fields)
    addOptions(added, beside).action(
      (id: string, options: Record<string, unknown>, command: Command) => {
        const lists = readGiven(fields, options)
        if (Object.values(lists).every((list) => (list as readonly string[]).length === 0)) {
          refuseUsage(command, `name at least one ${needs}`)
        }
        const body = { [name]: bodyOf(lists), ...bodyOf(readGiven(beside, options)) }
        return printChange(command, io, { ...callOf(id), body })
      },
    )
  }
}
