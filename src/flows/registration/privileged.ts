/**
 * No escalation: an actor who administers only clients or users cannot gain the scopes of the registry itself. A change needs
 * `registry:admin` if it gives or takes such a scope, or if it changes a client or a user that holds or has requested one.
 * Check the record whose version the batch then demands.
 */

import { type ClientRecord, isOwnedBy } from '../../domain/client.ts'
import { hasRegistryScope, isAdmin, isReservedId } from '../../domain/registry-scopes.ts'
import { forbidden, notFound, quote } from '../../protocol/registration/errors.ts'
import type { Actor } from './change.ts'

export const unknownClient = (clientId: string) =>
  notFound(`there is no client ${quote(clientId)}`, 'client_id')

/** `scopes`: those that the change gives, withdraws or stores as requested. An owner has verbs of its own. */
export function requireMayGive({ scopes: held, ownerId }: Actor, scopes: readonly string[] = []) {
  if (ownerId !== undefined) throw forbidden('an owner does not decide what a client may do')
  if (hasRegistryScope(scopes) && !isAdmin(held)) {
    throw forbidden('a scope that begins with registry: needs the scope registry:admin', 'scopes')
  }
}

/** `scopes`: those that the client or the user holds or has requested. */
export function requireMayChange({ scopes: held }: Actor, scopes: readonly string[]) {
  if (hasRegistryScope(scopes) && !isAdmin(held)) {
    const sentence =
      'a change of a client or user with a scope that begins with registry: needs the scope registry:admin'
    throw forbidden(sentence)
  }
}

/** For an owner, the clients of others do not exist. */
export function requireMaySee(
  { ownerId }: Actor,
  client: Pick<ClientRecord, 'clientId' | 'ownerId' | 'furtherOwners'>,
) {
  if (ownerId !== undefined && !isOwnedBy(client, ownerId)) throw unknownClient(client.clientId)
}

/** For acts on every client and user, or that write secrets and dates as they are given. `what` begins the sentence. */
export function requireAdmin({ scopes: held }: Actor, what: string) {
  if (!isAdmin(held)) throw forbidden(`${what} needs the scope registry:admin`)
}

/** `id`: an id that the caller chose; null for a random id. */
export function requireMayChooseId({ scopes: held }: Actor, id: string | null, field: string) {
  if (id !== null && isReservedId(id) && !isAdmin(held)) {
    throw forbidden('{field} begins with registry-, which needs the scope registry:admin', field)
  }
}
