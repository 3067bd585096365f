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
import {
  type ClientFilter,
  type ClientRecord,
  findClientRecord,
  pageOfClientRecords,
} from '../stores/client-record.ts'
import { type ClientChanges, type ClientFields, clientRegistry } from '../stores/client-registry.ts'
import type { Database } from '../stores/database.ts'
import { clientNarrowing, secretNarrowing } from '../stores/narrowing.ts'
import { type Act, type Done, endingForGood, lastOfRecord, recording } from './act.ts'
import { detailOf, listDetailOf } from './client-audit.ts'
import type { Lists, Mode } from './client-options.ts'
import { clientDocument } from './documents.ts'

const done = (client: ClientRecord, revokes: boolean): Done<ReturnType<typeof clientDocument>> => ({
  document: clientDocument(client),
  revokes,
})

function required(client: ClientRecord | null, clientId: string): ClientRecord {
  if (!client) throw new Refusal(`there is no client ${JSON.stringify(clientId)}`)
  return client
}

function requireSound(registered: Registered) {
  const problem = registrationProblem(registered)
  if (problem) throw new Refusal(problem)
}

const grantTypesOf = (client: ClientRecord, isRequested: boolean) =>
  client.permissions
    .filter((p) => p.kind === 'grant_type' && (p.authorizedAt === null) === isRequested)
    .map(({ value }) => value)

/** Only when it concerns what must fit together: a client once imported can still be renamed. */
function requireSoundAfter(client: ClientRecord, changes: ClientChanges, lists: Lists, mode: Mode) {
  if (!(changes.authMethod || changes.jwks || lists.redirectUris || lists.grantTypes)) return
  const authMethod = changes.authMethod ?? client.authMethod
  const authorized = grantTypesOf(client, false)
  const wished = grantTypesOf(client, true)
  const given = lists.grantTypes
  requireSound({
    authMethod,
    // Of a client that will no longer need its keys they are dropped.
    jwks: changes.jwks ?? (authMethod === 'private_key_jwt' ? client.jwks : null),
    redirectUris: lists.redirectUris ?? client.redirectUris,
    grantTypes:
      mode === 'authorize'
        ? [...(given ?? authorized), ...wished]
        : [...authorized, ...(given ?? wished)],
  })
}

export async function createClient(
  db: Database,
  fields: ClientFields,
  lists: Lists,
  mode: Mode,
  act: Act,
): Promise<Done<Readonly<{ client_id: string; client_secret?: string }>>> {
  const redirectUris = lists.redirectUris ?? []
  const { authMethod, jwks } = fields
  const grantTypes = lists.grantTypes ?? grantTypesByDefault({ authMethod, redirectUris })
  requireSound({ authMethod, jwks, redirectUris, grantTypes })
  const secret = usesSecret(authMethod) ? mintToken('clientSecret') : null
  const detail = detailOf(fields, { ...lists, grantTypes }, mode)
  const clientId = await clientRegistry(db).create(
    { ...fields, ...lists, grantTypes },
    secret === null ? null : await hexDigest(secret),
    {
      mode,
      now: act.now,
      also: (id) => [recording(db, act, 'client.create', { clientId: id }, detail)],
    },
  )
  const document = secret ? { client_id: clientId, client_secret: secret } : { client_id: clientId }
  return { document, revokes: false }
}

export const pageOfClients = async (
  db: Database,
  after: string,
  rows: number,
  filter: ClientFilter,
) => (await pageOfClientRecords(db, after, rows, filter)).map(clientDocument)

export const showClient = async (db: Database, clientId: string) =>
  clientDocument(required(await findClientRecord(db, clientId), clientId))

/** `hint` hears what is left to do. */
export async function updateClient(
  db: Database,
  clientId: string,
  changes: ClientChanges,
  lists: Lists,
  mode: Mode,
  act: Act,
  hint: (line: string) => void,
): Promise<Done> {
  const before = required(await findClientRecord(db, clientId), clientId)
  requireSoundAfter(before, changes, lists, mode)
  const { authMethod, jwks } = changes
  const { redirectUris, ...permissions } = lists
  const change = {
    how: 'replace' as const,
    ...(authMethod && { authMethod }),
    ...(jwks && { jwks }),
    ...(redirectUris && { redirectUris }),
    // What was merely requested is nothing that could be lost.
    ...(mode === 'authorize' && permissions),
  }
  const how = {
    mode,
    now: act.now,
    before: clientNarrowing(db, clientId, change, lastOfRecord(act)),
    also: [recording(db, act, 'client.update', { clientId }, detailOf(changes, lists, mode))],
  }
  const updated = await clientRegistry(db).update(clientId, changes, lists, how)
  const after = required(updated.client, clientId)
  if (usesSecret(after.authMethod) && liveCredentials(after, act.now).length === 0) {
    hint(`the client has no secret yet: give it one with client rotate-secret ${clientId}`)
  }
  return done(after, updated.hasEnded)
}

export async function authorizeClient(
  db: Database,
  clientId: string,
  lists: Lists,
  act: Act,
): Promise<Done> {
  const before = required(await findClientRecord(db, clientId), clientId)
  const grantTypes = lists.grantTypes && [...grantTypesOf(before, false), ...lists.grantTypes]
  if (grantTypes) requireSound({ ...before, grantTypes })
  const also = [recording(db, act, 'client.authorize', { clientId }, listDetailOf(lists))]
  const after = await clientRegistry(db).authorize(clientId, lists, act.now, also)
  return done(required(after, clientId), false)
}

export async function withdrawFromClient(
  db: Database,
  clientId: string,
  lists: Lists,
  act: Act,
): Promise<Done<ReturnType<typeof clientDocument>>> {
  const around = {
    before: clientNarrowing(db, clientId, { how: 'withdraw', ...lists }, lastOfRecord(act)),
    also: [recording(db, act, 'client.withdraw', { clientId }, listDetailOf(lists))],
  }
  const withdrawn = await clientRegistry(db).withdraw(clientId, lists, act.now, around)
  return done(required(withdrawn.client, clientId), withdrawn.hasEnded)
}

/**
 * With an overlap both secrets are good, and nothing ends. Without one the old secret is not trusted any more, nor
 * the sessions it opened; refresh families stay, since they cannot be renewed without the new secret.
 */
export async function rotateSecret(
  db: Database,
  clientId: string,
  overlapSeconds: number,
  act: Act,
): Promise<Done> {
  const before = required(await findClientRecord(db, clientId), clientId)
  if (!usesSecret(before.authMethod)) {
    throw new Refusal(
      `a client with the authentication method ${before.authMethod} has no secret to rotate`,
    )
  }
  const detail = { overlap_seconds: overlapSeconds }
  const how = {
    now: act.now,
    before: overlapSeconds === 0 ? secretNarrowing(db, clientId, lastOfRecord(act)) : [],
    also: [recording(db, act, 'client.rotate_secret', { clientId }, detail)],
  }
  const secret = mintToken('clientSecret')
  const digested = await hexDigest(secret)
  const rotated = await clientRegistry(db).rotateSecret(clientId, digested, overlapSeconds, how)
  required(rotated.client, clientId)
  return { document: { client_secret: secret }, revokes: rotated.hasEnded }
}

export async function disableClient(db: Database, clientId: string, act: Act): Promise<Done> {
  required(await findClientRecord(db, clientId), clientId)
  const also = [
    recording(db, act, 'client.disable', { clientId }),
    ...endingForGood(db, 'client', clientId, act),
  ]
  const after = await clientRegistry(db).disable(clientId, act.now, also)
  return done(required(after, clientId), true)
}

/** Revives nothing. */
export async function enableClient(db: Database, clientId: string, act: Act): Promise<Done> {
  const also = [recording(db, act, 'client.enable', { clientId })]
  const after = await clientRegistry(db).enable(clientId, act.now, also)
  return done(required(after, clientId), false)
}

/** The client as it was. */
export async function deleteClient(db: Database, clientId: string, act: Act): Promise<Done> {
  const { name, ownerId } = required(await findClientRecord(db, clientId), clientId)
  const also = [
    recording(db, act, 'client.delete', { clientId }, { name, owner_id: ownerId }),
    ...endingForGood(db, 'client', clientId, act),
  ]
  const before = await clientRegistry(db).delete(clientId, also)
  return done(required(before, clientId), true)
}
