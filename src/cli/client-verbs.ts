/** What each verb about a client does. */

import { hexDigest } from '../crypto/digest.ts'
import { mintToken } from '../crypto/token.ts'
import { liveCredentials, usesSecret } from '../domain/client.ts'
import {
  grantTypesByDefault,
  type Registered,
  registrationProblem,
} from '../domain/registration.ts'
import { Refusal } from '../local/refusal.ts'
import { type ClientRecord, findClientRecord, type Permission } from '../stores/client-record.ts'
import {
  type ClientChanges,
  type ClientFields,
  type ClientLists,
  clientRegistry,
} from '../stores/client-registry.ts'
import type { Database } from '../stores/database.ts'
import { clientNarrowing, secretNarrowing } from '../stores/narrowing.ts'
import type { PermissionLists } from '../stores/permission-rows.ts'
import {
  type Act,
  type Done,
  endingWithRecord,
  lastOfRecord,
  noteStillCovered,
  recording,
} from './act.ts'
import { CLIENT_FIELDS, CLIENT_LISTS, CLIENT_PERMISSIONS, shown } from './fields.ts'
import { isoTime } from './text-form.ts'

/** What an option names, and whether lists are authorized at once or kept as requested. */
export type Given = Readonly<{
  fields: ClientChanges
  lists: ClientLists
  mode: 'authorize' | 'request'
}>

const permissionsOf = (client: ClientRecord, kind: Permission['kind'], isRequested: boolean) =>
  client.permissions
    .filter((one) => one.kind === kind && (one.authorizedAt === null) === isRequested)
    .map(({ value }) => value)

/** Without a secret or its digest. */
export const clientDocument = (client: ClientRecord) => ({
  client_id: client.clientId,
  ...shown('inDocument', CLIENT_FIELDS, client),
  ...shown('inDocument', CLIENT_LISTS, client),
  requested_grant_types: permissionsOf(client, 'grant_type', true),
  requested_scopes: permissionsOf(client, 'scope', true),
  requested_endorsements: permissionsOf(client, 'endorsement', true),
  permissions: client.permissions.map(({ kind, value, requestedAt, authorizedAt }) => ({
    kind,
    value,
    requested_at: isoTime(requestedAt),
    authorized_at: isoTime(authorizedAt),
  })),
  credentials: client.credentials.map(({ createdAt, expiresAt, lastUsedAt }) => ({
    created_at: isoTime(createdAt),
    expires_at: isoTime(expiresAt),
    last_used_at: isoTime(lastUsedAt),
  })),
  created_at: isoTime(client.createdAt),
  updated_at: isoTime(client.updatedAt),
  disabled_at: isoTime(client.disabledAt),
})

const done = (client: ClientRecord, revokes: boolean): Done => ({
  document: clientDocument(client),
  revokes,
})

function required(client: ClientRecord | null, clientId: string): ClientRecord {
  if (!client) throw new Refusal(`there is no client ${JSON.stringify(clientId)}`)
  return client
}

export const findClient = async (db: Database, clientId: string) =>
  required(await findClientRecord(db, clientId), clientId)

function requireSound(registered: Registered) {
  const problem = registrationProblem(registered)
  if (problem) throw new Refusal(problem)
}

/** Only when a change concerns what must fit together, so that any imported client can be renamed. */
function requireSoundAfter(client: ClientRecord, { fields, lists, mode }: Given) {
  if (!(fields.authMethod || fields.jwks || lists.redirectUris || lists.grantTypes)) return
  const authMethod = fields.authMethod ?? client.authMethod
  const authorized = permissionsOf(client, 'grant_type', false)
  const requested = permissionsOf(client, 'grant_type', true)
  const given = lists.grantTypes
  requireSound({
    authMethod,
    // The update drops the keys of a client that no longer needs them.
    jwks: fields.jwks ?? (authMethod === 'private_key_jwt' ? client.jwks : null),
    redirectUris: lists.redirectUris ?? client.redirectUris,
    grantTypes:
      mode === 'authorize'
        ? [...(given ?? authorized), ...requested]
        : [...authorized, ...(given ?? requested)],
  })
}

const detailOf = ({ fields, lists, mode }: Given) => ({
  ...shown('inAudit', CLIENT_FIELDS, fields),
  ...shown('inAudit', CLIENT_LISTS, lists),
  ...(mode === 'request' && { requested_only: true }),
})

export async function create(
  act: Act,
  given: Given & Readonly<{ fields: ClientFields }>,
): Promise<Done<Readonly<{ client_id: string; client_secret?: string }>>> {
  const { fields, mode } = given
  const { authMethod, jwks } = fields
  const redirectUris = given.lists.redirectUris ?? []
  const grantTypes = given.lists.grantTypes ?? grantTypesByDefault({ authMethod, redirectUris })
  const lists = { ...given.lists, grantTypes }
  requireSound({ authMethod, jwks, redirectUris, grantTypes })
  const secret = usesSecret(authMethod) ? mintToken('clientSecret') : null
  const detail = detailOf({ ...given, lists })
  const clientId = await clientRegistry(act.db).create(
    { ...fields, ...lists },
    secret === null ? null : await hexDigest(secret),
    {
      mode,
      now: act.now,
      also: (id) => [recording(act, 'client.create', { clientId: id }, detail)],
    },
  )
  const document = { client_id: clientId, ...(secret && { client_secret: secret }) }
  return { document, revokes: false }
}

export async function update(act: Act, clientId: string, given: Given): Promise<Done> {
  const { fields, lists, mode } = given
  requireSoundAfter(await findClient(act.db, clientId), given)
  const { authMethod, jwks } = fields
  const { redirectUris, ...permissions } = lists
  const change = {
    how: 'replace' as const,
    ...(authMethod && { authMethod }),
    ...(jwks && { jwks }),
    ...(redirectUris && { redirectUris }),
    // What was merely requested cannot be lost.
    ...(mode === 'authorize' && permissions),
  }
  const how = {
    mode,
    now: act.now,
    before: clientNarrowing(act.db, clientId, change, lastOfRecord(act)),
    also: [recording(act, 'client.update', { clientId }, detailOf(given))],
  }
  const updated = await clientRegistry(act.db).update(clientId, fields, lists, how)
  const after = required(updated.client, clientId)
  if (usesSecret(after.authMethod) && liveCredentials(after, act.now).length === 0) {
    act.note(`the client has no secret yet: give it one with client rotate-secret ${clientId}`)
  }
  return done(after, updated.hasEnded)
}

export async function authorize(act: Act, clientId: string, lists: PermissionLists): Promise<Done> {
  const before = await findClient(act.db, clientId)
  const grantTypes = lists.grantTypes && [
    ...permissionsOf(before, 'grant_type', false),
    ...lists.grantTypes,
  ]
  if (grantTypes) requireSound({ ...before, grantTypes })
  const detail = shown('inAudit', CLIENT_PERMISSIONS, lists)
  const also = [recording(act, 'client.authorize', { clientId }, detail)]
  const { client } = await clientRegistry(act.db).authorize(clientId, lists, act.now, { also })
  return done(required(client, clientId), false)
}

export async function withdraw(act: Act, clientId: string, lists: PermissionLists): Promise<Done> {
  const change = { how: 'withdraw' as const, ...lists }
  const detail = shown('inAudit', CLIENT_PERMISSIONS, lists)
  const around = {
    before: clientNarrowing(act.db, clientId, change, lastOfRecord(act)),
    also: [recording(act, 'client.withdraw', { clientId }, detail)],
  }
  const withdrawn = await clientRegistry(act.db).withdraw(clientId, lists, act.now, around)
  const after = required(withdrawn.client, clientId)
  noteStillCovered(act, lists, after)
  return done(after, withdrawn.hasEnded)
}

/**
 * With an overlap both secrets are good, and nothing ends. Without one the old secret is no longer trusted, nor are
 * the sessions that it opened. Refresh families stay: they cannot be renewed without the new secret.
 */
export async function rotateSecret(
  act: Act,
  clientId: string,
  overlapSeconds: number,
): Promise<Done> {
  const { authMethod } = await findClient(act.db, clientId)
  if (!usesSecret(authMethod)) {
    throw new Refusal(
      `a client with the authentication method ${authMethod} has no secret to rotate`,
    )
  }
  const detail = { overlap_seconds: overlapSeconds }
  const how = {
    now: act.now,
    before: overlapSeconds === 0 ? secretNarrowing(act.db, clientId, lastOfRecord(act)) : [],
    also: [recording(act, 'client.rotate_secret', { clientId }, detail)],
  }
  const secret = mintToken('clientSecret')
  const digested = await hexDigest(secret)
  const registry = clientRegistry(act.db)
  const rotated = await registry.rotateSecret(clientId, digested, overlapSeconds, how)
  required(rotated.client, clientId)
  return { document: { client_secret: secret }, revokes: rotated.hasEnded }
}

export async function disable(act: Act, clientId: string): Promise<Done> {
  await findClient(act.db, clientId)
  const also = [recording(act, 'client.disable', { clientId }), ...endingWithRecord(act, clientId)]
  const after = await clientRegistry(act.db).disable(clientId, act.now, also)
  return done(required(after, clientId), true)
}

/** Brings back nothing that ended. */
export async function enable(act: Act, clientId: string): Promise<Done> {
  const also = [recording(act, 'client.enable', { clientId })]
  const after = await clientRegistry(act.db).enable(clientId, act.now, also)
  return done(required(after, clientId), false)
}

/** Shows the client as it was. */
export async function remove(act: Act, clientId: string): Promise<Done> {
  const { name, ownerId } = await findClient(act.db, clientId)
  const detail = { name, owner_id: ownerId }
  const also = [
    recording(act, 'client.delete', { clientId }, detail),
    ...endingWithRecord(act, clientId),
  ]
  const before = await clientRegistry(act.db).delete(clientId, also)
  return done(required(before, clientId), true)
}
