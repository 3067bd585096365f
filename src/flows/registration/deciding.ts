/**
 * Who decides on what a client requests: an operator with `registry:clients`, and an approver, who is a person with
 * `registry:approve`. An approver gives nothing that was not requested. No person gives anything to a client that the person
 * owns, owned, or is offered.
 */

import { userActor } from '../../domain/audit.ts'
import { type ClientRecord, isInvolved, type PermissionLists } from '../../domain/client.ts'
import { APPROVE_SCOPE, isAdmin } from '../../domain/registry-scopes.ts'
import { holdsScope } from '../../domain/scope.ts'
import { permissionsOf } from '../../protocol/registration/client-fields.ts'
import { conflict, forbidden, quote } from '../../protocol/registration/errors.ts'
import { snakeCase } from '../../protocol/registration/field.ts'
import type { Actor } from './change.ts'

/** At the pages a person acts with this scope alone, so that a stolen cookie gives no power to administer. */
export const approverActor = (userId: string, userVersion: number | null): Actor => ({
  name: userActor(userId),
  scopes: [APPROVE_SCOPE],
  userId,
  ...(userVersion !== null && { userVersion }),
})

const OPERATOR_SCOPE = 'registry:clients'

const onlyApproves = ({ scopes }: Actor) =>
  holdsScope(scopes, APPROVE_SCOPE) && !holdsScope(scopes, OPERATOR_SCOPE) && !isAdmin(scopes)

export function requireNotOwn({ userId }: Actor, client: ClientRecord) {
  if (userId !== undefined && isInvolved(client, userId)) {
    throw forbidden(
      'you own this client, have owned it or are offered it, so another person decides',
    )
  }
}

const KINDS = { scopes: 'scope', grantTypes: 'grant_type', endorsements: 'endorsement' } as const

/** The first value of the lists that the client does not have in this state. Null if the client has all values. */
function firstWithout(
  client: ClientRecord,
  lists: PermissionLists,
  state: 'requested' | 'authorized',
): Readonly<{ value: string; field: string }> | null {
  for (const [name, kind] of Object.entries(KINDS)) {
    const known = permissionsOf(client, kind, state === 'requested')
    const value = lists[name as keyof typeof KINDS]?.find((one) => !known.includes(one))
    if (value !== undefined) return { value, field: snakeCase(name) }
  }
  return null
}

function requireRequested(client: ClientRecord, lists: PermissionLists) {
  const other = firstWithout(client, lists, 'requested')
  if (other === null) return
  const sentence = `${quote(other.value)} is not requested, so there is nothing to decide`
  throw conflict(sentence, other.field)
}

/** `gives`: true for a decision in the client's favour. `client`: the record on which the change decides. */
export function requireNeutral(actor: Actor, client: ClientRecord, gives: boolean) {
  if (gives || onlyApproves(actor)) requireNotOwn(actor, client)
  if (onlyApproves(actor) && actor.userId === undefined) {
    throw forbidden('the scope registry:approve is for people: a program needs registry:clients')
  }
}

export function requireMayDecide(
  actor: Actor,
  client: ClientRecord,
  lists: PermissionLists,
  decision: 'authorize' | 'withdraw',
) {
  requireNeutral(actor, client, decision === 'authorize')
  if (onlyApproves(actor)) requireRequested(client, lists)
}

/** Only an owner may ask for a listing. Asking is not a decision. */
export function requireMayWish(actor: Actor) {
  if (onlyApproves(actor)) throw forbidden('an approver does not ask for a listing or take it back')
}

export const isOnlyRequested = (client: ClientRecord, lists: PermissionLists) =>
  firstWithout(client, lists, 'requested') === null

export const givesMore = (client: ClientRecord, lists: PermissionLists) =>
  firstWithout(client, lists, 'authorized') !== null
