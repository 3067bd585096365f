/** What an administrator does to clients. Each verb throws a RegistrationError if it is refused. */

import { hexDigest } from '../../crypto/digest.ts'
import { mintToken } from '../../crypto/token.ts'
import {
  type ClientRecord,
  liveCredentials,
  type PermissionLists,
  usesSecret,
} from '../../domain/client.ts'
import {
  CLIENT_PERMISSIONS,
  type GivenClient,
  type GivenClientChange,
  permissionsOf,
} from '../../protocol/registration/client-fields.ts'
import { conflict, forbidden } from '../../protocol/registration/errors.ts'
import { shown } from '../../protocol/registration/field.ts'
import type { ClientReader } from '../../stores/client-registry.ts'
import type { RegistrationPorts } from '../../stores/registration.ts'
import type { ClientChange, Detail } from '../../stores/registration-ports.ts'
import {
  type Actor,
  type Act as AnyAct,
  authorOf,
  changeRecord,
  type ExpectedVersion,
  type Outcome,
  updateSteps,
} from './change.ts'
import { auditDetailOf, notTooMany, requireSound, withKeySet } from './create-client.ts'
import { givesMore, isOnlyRequested, requireMayDecide, requireNotOwn } from './deciding.ts'
import { comesAgainNotes, requireOperatorsOwn } from './documents-own.ts'
import { requireMayChange, requireMayGive, requireMaySee, unknownClient } from './privileged.ts'
import { requireDeclared } from './resources.ts'
import { undeclaredNotes } from './scopes.ts'
import { stillCovered } from './still-covered.ts'

export { type CreatedClient, createClient } from './create-client.ts'

export type ClientAct = AnyAct<Pick<RegistrationPorts, 'clients' | 'resources' | 'revocations'>>
type Act = ClientAct
type Step = ClientChange & Readonly<{ detail?: Detail; mostInAnHour?: number }>

export async function findClient(
  { ports }: Readonly<{ ports: Readonly<{ clients: Pick<ClientReader, 'find'> }> }>,
  clientId: string,
): Promise<ClientRecord> {
  const client = await ports.clients.find(clientId)
  if (!client) throw unknownClient(clientId)
  return client
}

type ChangeAct = AnyAct<Pick<RegistrationPorts, 'clients' | 'revocations'>>

/** `decide` returns what the batch does to this record, or throws if the change is refused. */
export const changeClient = (
  act: ChangeAct,
  clientId: string,
  expected: ExpectedVersion,
  decide: (before: ClientRecord) => readonly Step[],
) =>
  changeRecord(act, expected, {
    find: () => act.ports.clients.find(clientId),
    unknown: () => unknownClient(clientId),
    async change(before) {
      requireMaySee(act.actor, before)
      requireMayChange(act.actor, permissionsOf(before, 'scope'))
      return notTooMany(await act.ports.clients.change(before, decide(before), authorOf(act)))
    },
  })

/** Checks fields that must fit together only if one of them changes, so that any imported client can be renamed. */
export function requireSoundAfter(client: ClientRecord, { fields, lists, mode }: GivenClient) {
  const { jwksUri } = fields
  const concerned = [fields.authMethod, fields.jwks, jwksUri, lists.redirectUris, lists.grantTypes]
  if (concerned.every((one) => one === undefined)) return
  const authMethod = fields.authMethod ?? client.authMethod
  const authorized = permissionsOf(client, 'grant_type', false)
  const requested = permissionsOf(client, 'grant_type', true)
  const given = lists.grantTypes
  // The update drops the keys of a client that no longer needs them.
  const kept = authMethod === 'private_key_jwt' ? client : { jwks: null, jwksUri: '' }
  requireSound({
    authMethod,
    jwks: fields.jwks === undefined ? kept.jwks : fields.jwks,
    jwksUri: jwksUri ?? kept.jwksUri,
    redirectUris: lists.redirectUris ?? client.redirectUris,
    grantTypes:
      mode === 'authorize'
        ? [...(given ?? authorized), ...requested]
        : [...authorized, ...(given ?? requested)],
  })
}

/** Changes several things of the client as one change. */
export async function updateClient(
  act: Act,
  clientId: string,
  given: GivenClientChange,
  expected: ExpectedVersion = null,
): Promise<Outcome<ClientRecord>> {
  const { lists, mode } = given
  requireMayGive(act.actor, lists.scopes)
  await requireDeclared(act, lists.defaultResources)
  const { fields, notes } = await withKeySet(given.fields)
  const whole = { fields, lists, mode }
  const detail = auditDetailOf(whole)
  const changed = await changeClient(act, clientId, expected, (before) => {
    if (mode === 'authorize' && givesMore(before, lists)) requireNotOwn(act.actor, before)
    requireOperatorsOwn(before, whole)
    requireSoundAfter(before, whole)
    return updateSteps({ kind: 'update' as const, ...whole, detail }, given)
  })
  const { record } = changed
  const isUpdate = Object.keys({ ...fields, ...lists }).length > 0
  const hasNoSecret =
    isUpdate && usesSecret(record.authMethod) && liveCredentials(record, act.now).length === 0
      ? [`the client has no secret yet: give it one with client rotate-secret ${clientId}`]
      : []
  const undeclared = undeclaredNotes(record, lists.scopes)
  return { record, notes: [...notes, ...hasNoSecret, ...undeclared, ...changed.notes] }
}

/** Authorizes permissions for the client, whether they were requested or not. */
export async function authorizeClient(
  act: Act,
  clientId: string,
  lists: PermissionLists,
  expected: ExpectedVersion = null,
): Promise<Outcome<ClientRecord>> {
  requireMayGive(act.actor, lists.scopes)
  const detail = shown('inAudit', CLIENT_PERMISSIONS, lists)
  const { record, notes } = await changeClient(act, clientId, expected, (before) => {
    requireMayDecide(act.actor, before, lists, 'authorize')
    const held = permissionsOf(before, 'grant_type', false)
    if (lists.grantTypes) requireSound({ ...before, grantTypes: [...held, ...lists.grantTypes] })
    return [{ kind: 'authorize', lists, detail }]
  })
  return { record, notes: [...undeclaredNotes(record, lists.scopes), ...notes] }
}

/** Withdraws authorized and requested permissions. `reason`: the text that the owners see. */
export async function withdrawFromClient(
  act: Act,
  clientId: string,
  { reason = '', ...lists }: PermissionLists & Readonly<{ reason?: string }>,
  expected: ExpectedVersion = null,
): Promise<Outcome<ClientRecord>> {
  requireMayGive(act.actor, lists.scopes)
  const taken = shown('inAudit', CLIENT_PERMISSIONS, lists)
  const detail = reason === '' ? taken : { ...taken, reason }
  const { record, notes } = await changeClient(act, clientId, expected, (before) => {
    requireMayDecide(act.actor, before, lists, 'withdraw')
    const declined = isOnlyRequested(before, lists) && { declined: true }
    return [{ kind: 'withdraw', lists, reason, detail: { ...detail, ...declined } }]
  })
  return { record, notes: [...stillCovered(lists, record), ...notes] }
}

/**
 * With an overlap both secrets are valid, and nothing ends. Without an overlap the old secret is no longer valid, and the
 * sessions that it opened end. Refresh families stay: they cannot be renewed without the new secret.
 */
export async function rotateSecret(
  act: Act,
  clientId: string,
  overlapSeconds: number,
  expected: ExpectedVersion = null,
): Promise<Outcome<ClientRecord> & Readonly<{ clientSecret: string }>> {
  const clientSecret = mintToken('clientSecret')
  const secretDigest = await hexDigest(clientSecret)
  const detail = { overlap_seconds: overlapSeconds }
  const rotated = await changeClient(act, clientId, expected, ({ authMethod }) => {
    if (!usesSecret(authMethod)) {
      const sentence = `a client with the authentication method ${authMethod} has no secret to rotate`
      throw conflict(sentence)
    }
    return [{ kind: 'rotate_secret', secretDigest, overlapSeconds, detail }]
  })
  return { ...rotated, clientSecret }
}

/**
 * Makes a verb without input. `may` is asked before the client is read, and throws if the actor may not act; `decide` as for
 * `changeClient`.
 */
export const verb =
  (
    decide: (before: ClientRecord, actor: Actor) => readonly Step[],
    may: (actor: Actor) => void = () => {},
  ) =>
  async (
    act: ChangeAct,
    clientId: string,
    expected: ExpectedVersion = null,
  ): Promise<Outcome<ClientRecord>> => {
    may(act.actor)
    return changeClient(act, clientId, expected, (before) => decide(before, act.actor))
  }

/** The client can no longer read, change or delete its own registration (RFC 7592). Its tokens stay. */
export const revokeRegistrationToken = verb(() => [{ kind: 'revoke_registration_token' }])
/** Ends all sessions, codes and refresh tokens of the client. */
export const disableClient = verb((_, { ownerId }) => [
  { kind: 'disable', byOwner: ownerId !== undefined },
])
/** What ended when the client was disabled stays ended. An owner enables only what an owner disabled. */
export const enableClient = verb(({ disabledAt, isDisabledByOwner }, { ownerId }) => {
  if (ownerId !== undefined && disabledAt !== null && !isDisabledByOwner) {
    throw forbidden('an administrator has disabled the client')
  }
  return [{ kind: 'enable' }]
})

/** Returns the client as it was. */
export async function deleteClient(
  act: Act,
  clientId: string,
  expected: ExpectedVersion = null,
): Promise<Outcome<ClientRecord>> {
  const { record, notes } = await changeClient(act, clientId, expected, ({ name, ownerId }) => [
    { kind: 'delete', detail: { name, owner_id: ownerId } },
  ])
  return { record, notes: [...comesAgainNotes(record), ...notes] }
}
