/**
 * What owners do to their clients in the portal, besides `rotateSecret`, `disableClient`, `enableClient` and `deleteClient`
 * of `clients.ts`. An owner requests permissions; only what the catalogue gives to every client needs no approval. Each verb
 * throws a RegistrationError if it is refused.
 */

import { userActor } from '../../domain/audit.ts'
import {
  type ClientFields,
  type ClientRecord,
  type Permission,
  type PermissionLists,
  usesSecret,
} from '../../domain/client.ts'
import { type ClientKind, FOLLOWS_FROM } from '../../domain/client-kind.ts'
import { clientFields } from '../../domain/registration.ts'
import { isRegistryScope } from '../../domain/registry-scopes.ts'
import { readHierarchy } from '../../domain/scope.ts'
import {
  CLIENT_PERMISSIONS,
  type GivenClient,
  permissionsOf,
} from '../../protocol/registration/client-fields.ts'
import { conflict, invalid, quote } from '../../protocol/registration/errors.ts'
import { shown } from '../../protocol/registration/field.ts'
import type { RegistrationPorts } from '../../stores/registration.ts'
import type { NewClient } from '../../stores/registration-ports.ts'
import {
  type Actor,
  changedFields,
  type ExpectedVersion,
  isSameSet,
  type Outcome,
  without,
} from './change.ts'
import { type ClientAct, changeClient, requireSoundAfter } from './clients.ts'
import {
  auditDetailOf,
  type CreatedClient,
  createWithin,
  REQUESTS_IN_AN_HOUR,
  requireSound,
} from './create-client.ts'
import { requireOperatorsOwn } from './documents-own.ts'
import { type GivenKeys, keyFields } from './own-credentials.ts'
import { withoutApproval } from './self-registered.ts'

export type OwnerAct = ClientAct &
  Readonly<{
    actor: Actor & Readonly<{ ownerId: string }>
    ports: Pick<RegistrationPorts, 'scopes'>
  }>

export const ownerActor = (userId: string) => ({
  name: userActor(userId),
  scopes: [],
  ownerId: userId,
})

/** The most requests of a client that wait for approval, of all kinds together. */
const MAX_REQUESTED = 100

/** Is the scope declared, with or without its resource? */
const isDeclared = (scope: string, declared: ReadonlyMap<string, boolean>) =>
  declared.has(scope) || declared.has(readHierarchy(scope)?.general ?? scope)

function requireAskable(scopes: readonly string[], declared: ReadonlyMap<string, boolean>) {
  const own = scopes.find(isRegistryScope)
  if (own !== undefined) {
    const sentence = `${quote(own)} is a scope of the registry itself, which an administrator gives`
    throw invalid(sentence, 'scopes')
  }
  const unknown = scopes.find((scope) => !isDeclared(scope, declared))
  if (unknown === undefined) return
  throw invalid(`there is no scope ${quote(unknown)}`, 'scopes')
}

export type GivenOwnClient = Readonly<{
  /** The same id for a form that is sent twice, which registers one client. The owner must not be able to choose the id. */
  clientId: string
  kind: ClientKind
  fields: Pick<ClientFields, 'name' | 'url' | 'description' | 'logoUri'>
  redirectUris: readonly string[]
  /** The keys that the client has instead of a secret; null for a kind of client without keys. */
  keys: GivenKeys | null
}>

/** The new client has at once what every client may have without approval. */
export async function createOwnClient(
  act: OwnerAct,
  { clientId, kind, fields, redirectUris, keys }: GivenOwnClient,
  owner: Required<Pick<NewClient, 'ownedAtMost' | 'ownerName'>>,
): Promise<CreatedClient> {
  const { authMethod, grantTypes, hasRedirectUris } = FOLLOWS_FROM[kind]
  if (hasRedirectUris && redirectUris.length === 0) {
    throw invalid('{field} must not be empty', 'redirect_uris')
  }
  if (!hasRedirectUris && redirectUris.length > 0) {
    const sentence = '{field} must be empty: no user is sent back to a client of this kind'
    throw invalid(sentence, 'redirect_uris')
  }
  if (keys !== null && !usesSecret(authMethod)) {
    const sentence = '{field} must be empty: the code of a client of this kind is public'
    throw invalid(sentence, 'jwks' in keys ? 'jwks' : 'jwks_uri')
  }
  const declared = await act.ports.scopes.selfRegistration()
  const { allowed } = withoutApproval(
    { grantTypes, scopes: null },
    { freeGrants: grantTypes, declared },
  )
  const given = {
    clientId,
    mode: 'allow' as const,
    fields: clientFields({
      ...fields,
      ownerId: act.actor.ownerId,
      authMethod,
      requirePkce: hasRedirectUris,
      ...(keys !== null && keyFields(keys)),
    }),
    lists: { redirectUris, ...allowed },
  }
  return createWithin(act, given, owner)
}

export async function editOwnClient(
  act: OwnerAct,
  clientId: string,
  { fields, redirectUris }: Pick<GivenOwnClient, 'fields' | 'redirectUris'>,
  expected: ExpectedVersion,
): Promise<Outcome<ClientRecord>> {
  return changeClient(act, clientId, expected, (before) => {
    // A form sends all fields that it shows. The audit gets only the changed ones.
    const changed: GivenClient = {
      fields: changedFields<ClientFields>(before, fields),
      lists: isSameSet(before.redirectUris, redirectUris) ? {} : { redirectUris },
      mode: 'authorize',
    }
    requireOperatorsOwn(before, changed)
    requireSoundAfter(before, changed)
    const isNothing = Object.keys({ ...changed.fields, ...changed.lists }).length === 0
    return isNothing ? [] : [{ kind: 'update', ...changed, detail: auditDetailOf(changed) }]
  })
}

function requireFewRequests(before: ClientRecord, lists: PermissionLists) {
  const waiting = before.permissions.filter(({ authorizedAt }) => authorizedAt === null).length
  const more = Object.values(lists).reduce((sum, list) => sum + list.length, 0)
  if (waiting + more <= MAX_REQUESTED) return
  throw conflict(`at most ${MAX_REQUESTED} requests can wait for approval`)
}

/** What the catalogue gives to every client is authorized; the rest is stored as requested. */
export async function requestForOwnClient(
  act: OwnerAct,
  clientId: string,
  asked: PermissionLists,
  expected: ExpectedVersion,
): Promise<Outcome<ClientRecord>> {
  const declared = await act.ports.scopes.selfRegistration()
  requireAskable(asked.scopes ?? [], declared)
  return changeClient(act, clientId, expected, (before) => {
    const known = (kind: Permission['kind']) => permissionsOf(before, kind)
    const { allowed, requested } = withoutApproval(
      { grantTypes: [], scopes: without(asked.scopes, permissionsOf(before, 'scope', false)) },
      { freeGrants: [], declared },
    )
    const free = allowed.scopes
    const lists = {
      scopes: without(requested.scopes, known('scope')),
      grantTypes: without(asked.grantTypes, known('grant_type')),
      endorsements: without(asked.endorsements, known('endorsement')),
    }
    requireSound({ ...before, grantTypes: [...known('grant_type'), ...lists.grantTypes] })
    requireFewRequests(before, lists)
    const asksNothing = Object.values(lists).flat().length === 0
    const detail = {
      ...shown('inAudit', CLIENT_PERMISSIONS, lists),
      ...(free.length > 0 && { allowed: free }),
    }
    const limit = !asksNothing && { mostInAnHour: REQUESTS_IN_AN_HOUR }
    return asksNothing && free.length === 0
      ? []
      : [{ kind: 'request', lists, allowed: free, detail, ...limit }]
  })
}

/** Also takes back what was only requested. */
export const takeBackFromOwnClient = (
  act: OwnerAct,
  clientId: string,
  lists: PermissionLists,
  expected: ExpectedVersion,
): Promise<Outcome<ClientRecord>> => {
  const detail = { ...shown('inAudit', CLIENT_PERMISSIONS, lists), taken_back: true }
  return changeClient(act, clientId, expected, () => [
    { kind: 'withdraw', lists, byOwner: true, detail },
  ])
}
