/** What an administrator declares of scopes. Each verb throws a RegistrationError for what is refused. */

import type { ClientRecord } from '../../domain/client.ts'
import type { NewScope, ScopeFields, ScopeRecord } from '../../domain/declaration.ts'
import { MAX_DECLARED } from '../../domain/scope-catalogue.ts'
import { quote, RegistrationError } from '../../protocol/registration/errors.ts'
import { shown } from '../../protocol/registration/field.ts'
import { SCOPE_FIELDS } from '../../protocol/registration/scope-fields.ts'
import type { Changed, RegistrationPorts } from '../../stores/registration-ports.ts'
import {
  type Act as AnyAct,
  authorOf,
  changeRecord,
  type ExpectedVersion,
  hasFields,
  type Outcome,
} from './change.ts'
import { requireAdmin } from './privileged.ts'

type Act = AnyAct<Pick<RegistrationPorts, 'scopes' | 'revocations'>>

/** What is refused to others, as a sentence about it begins. */
export const DECLARING = 'declaring scopes and categories'

const unknown = (name: string) =>
  new RegistrationError('not_found', `the scope ${quote(name)} is not declared`, 'name')
const tooMany = () =>
  new RegistrationError('conflict', `at most ${MAX_DECLARED} scopes can be declared`)

export async function findScope(
  { ports }: Readonly<{ ports: { scopes: Pick<RegistrationPorts['scopes'], 'find'> } }>,
  name: string,
): Promise<ScopeRecord> {
  const scope = await ports.scopes.find(name)
  if (!scope) throw unknown(name)
  return scope
}

const detailOf = (name: string, fields: Partial<ScopeFields>) => ({
  name,
  ...shown('inAudit', SCOPE_FIELDS, fields),
})

/** It may be called again: the same content changes nothing, other content is a conflict. */
export async function createScope(
  act: Act,
  given: NewScope,
): Promise<Outcome<ScopeRecord> & Readonly<{ isNew: boolean }>> {
  requireAdmin(act.actor, DECLARING)
  const { name, ...fields } = given
  const created = await act.ports.scopes.create(given, authorOf(act), detailOf(name, fields))
  if (created === 'too_many') throw tooMany()
  if (created) return { record: created, notes: [], isNew: true }
  const record = await act.ports.scopes.find(name)
  if (record && hasFields(record, fields)) return { record, notes: [], isNew: false }
  const sentence = `the scope ${quote(name)} is declared with other content`
  throw new RegistrationError('conflict', sentence, 'name')
}

const change = (
  act: Act,
  name: string,
  expected: ExpectedVersion,
  decided: (before: ScopeRecord) => Promise<Changed<ScopeRecord>>,
) => {
  requireAdmin(act.actor, DECLARING)
  return changeRecord(act, expected, {
    find: () => act.ports.scopes.find(name),
    unknown: () => unknown(name),
    change: decided,
  })
}

/** A changed sentence is part of no earlier consent, so users are asked again. */
export const updateScope = async (
  act: Act,
  name: string,
  fields: Partial<ScopeFields>,
  expected: ExpectedVersion = null,
): Promise<Outcome<ScopeRecord>> =>
  change(act, name, expected, (before) =>
    act.ports.scopes.update(before, fields, authorOf(act), detailOf(name, fields)),
  )

const count = (number: number, noun: string) => `${number} ${noun}${number === 1 ? '' : 's'}`

/**
 * Returns the scope as it was. While a client or a user holds it, or it with a resource, it is refused; with `withdraws` it is taken
 * from all of them, and what rested on it ends.
 */
export const deleteScope = async (
  act: Act,
  name: string,
  withdraws: boolean,
  expected: ExpectedVersion = null,
): Promise<Outcome<ScopeRecord>> =>
  change(act, name, expected, async (before) => {
    const { scopes } = act.ports
    const detail = detailOf(name, before)
    if (withdraws) return scopes.deleteAndWithdraw(before, authorOf(act), detail)
    const deleted = await scopes.delete(before, authorOf(act), detail)
    if (deleted.kind !== 'held') return deleted
    const holders = `${count(deleted.clients, 'client')} and ${count(deleted.users, 'user')}`
    const why = `${holders} hold the scope ${quote(name)}, and {field} takes it from them`
    throw new RegistrationError('conflict', why, 'withdraw')
  })

export type ImportedScopes = Readonly<{
  created: readonly string[]
  updated: readonly string[]
  notes: readonly string[]
}>

/** All or none. Scopes that are declared as given are not touched, and scopes that are not named stay. */
export async function importScopes(act: Act, scopes: readonly NewScope[]): Promise<ImportedScopes> {
  requireAdmin(act.actor, DECLARING)
  const imported = await act.ports.scopes.import(scopes, authorOf(act))
  if (imported === 'too_many') throw tooMany()
  return { ...imported, notes: [] }
}

/** A note about the given scopes that are not declared. `client`: as the change left it. */
export function undeclaredNotes(
  { undeclaredScopes }: Pick<ClientRecord, 'undeclaredScopes'>,
  given: readonly string[] = [],
): string[] {
  const undeclared = undeclaredScopes.filter((scope) => given.includes(scope))
  if (undeclared.length === 0) return []
  return [`not declared, so the consent page shows only the name: ${undeclared.join(' ')}`]
}
