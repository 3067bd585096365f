/** What an administrator does to scopes. Each verb throws a RegistrationError if it is refused. */

import type { ClientRecord } from '../../domain/client.ts'
import type { NewScope, ScopeRecord } from '../../domain/scope-catalogue.ts'
import { conflict, quote } from '../../protocol/registration/errors.ts'
import { SCOPE_FORM } from '../../protocol/registration/scope-fields.ts'
import { type Act, authorOf, type ExpectedVersion, type Outcome } from './change.ts'
import { declaredVerbs, tooMany } from './declared.ts'
import { requireAdmin } from './privileged.ts'

/** The activity that others are refused, as the beginning of a sentence. */
export const DECLARING = 'declaring scopes and categories'
const TOO_MANY = 'scopes can be declared'

const scopes = declaredVerbs({
  form: SCOPE_FORM,
  storeOf: (ports) => ports.scopes,
  what: DECLARING,
  unknown: (name) => `the scope ${name} is not declared`,
  isOther: (name) => `the scope ${name} is declared with other content`,
  tooMany: TOO_MANY,
})

/** Users are asked for consent again if a scope's sentence has changed, because no earlier consent has the new sentence. */
export const { find: findScope, create: createScope, update: updateScope } = scopes

const count = (number: number, noun: string) => `${number} ${noun}${number === 1 ? '' : 's'}`

/**
 * Returns the scope as it was. A scope that a client or a user holds, also with a resource, is not deleted. With `withdraws`
 * the deletion withdraws the scope from all of them and ends the sessions that depend on it.
 */
export const deleteScope = async (
  act: Act,
  name: string,
  withdraws: boolean,
  expected: ExpectedVersion = null,
): Promise<Outcome<ScopeRecord>> =>
  scopes.change(act, name, expected, async (before) => {
    const store = act.ports.scopes
    const detail = SCOPE_FORM.auditOf(name, before)
    if (withdraws) return store.deleteAndWithdraw(before, authorOf(act), detail)
    const deleted = await store.delete(before, authorOf(act), detail)
    if (deleted.kind !== 'held') return deleted
    const holders = `${count(deleted.clients, 'client')} and ${count(deleted.users, 'user')}`
    const sentence = `${holders} hold the scope ${quote(name)}, and {field} takes it from them`
    throw conflict(sentence, 'withdraw')
  })

export type ImportedScopes = Readonly<{
  created: readonly string[]
  updated: readonly string[]
  notes: readonly string[]
}>

/** Imports all scopes or none. Scopes that are declared as given do not change, and scopes that are not named stay. */
export async function importScopes(act: Act, given: readonly NewScope[]): Promise<ImportedScopes> {
  requireAdmin(act.actor, DECLARING)
  const imported = await act.ports.scopes.import(given, authorOf(act))
  if (imported === 'too_many') throw tooMany(TOO_MANY)
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
