/** What each verb about a client does. */

import { hexDigest } from '../crypto/digest.ts'
import { mintToken } from '../crypto/token.ts'
import { liveCredentials } from '../domain/client.ts'
import {
  grantTypesByDefault,
  type Registered,
  registrationProblem,
} from '../domain/registration.ts'
import { Refusal } from '../operate/refusal.ts'
import { type ClientRecord, findClientRecord, listClientRecords } from '../stores/client-record.ts'
import { type ClientChanges, type ClientFields, clientRegistry } from '../stores/client-registry.ts'
import type { Database } from '../stores/database.ts'
import type { Lists } from './client-options.ts'
import { clientDocument } from './documents.ts'

/** Is what is listed given at once, or only noted as a wish? */
export type Mode = 'authorize' | 'request'

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
  if (!(changes.authMethod || lists.redirectUris || lists.grantTypes)) return
  const authorized = grantTypesOf(client, false)
  const wished = grantTypesOf(client, true)
  const given = lists.grantTypes
  requireSound({
    authMethod: changes.authMethod ?? client.authMethod,
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
  now: number,
) {
  const redirectUris = lists.redirectUris ?? []
  const { authMethod } = fields
  const grantTypes = lists.grantTypes ?? grantTypesByDefault({ authMethod, redirectUris })
  requireSound({ authMethod, redirectUris, grantTypes })
  const secret = authMethod === 'none' ? null : mintToken('clientSecret')
  const clientId = await clientRegistry(db).create(
    { ...fields, ...lists, grantTypes },
    secret && (await hexDigest(secret)),
    mode,
    now,
  )
  return secret ? { client_id: clientId, client_secret: secret } : { client_id: clientId }
}

export const listClients = async (db: Database) => (await listClientRecords(db)).map(clientDocument)

export const showClient = async (db: Database, clientId: string) =>
  clientDocument(required(await findClientRecord(db, clientId), clientId))

/** `hint` hears what is left to do. */
export async function updateClient(
  db: Database,
  clientId: string,
  changes: ClientChanges,
  lists: Lists,
  mode: Mode,
  now: number,
  hint: (line: string) => void,
) {
  const before = required(await findClientRecord(db, clientId), clientId)
  requireSoundAfter(before, changes, lists, mode)
  const updated = await clientRegistry(db).update(clientId, changes, lists, mode, now)
  const after = required(updated, clientId)
  if (after.authMethod !== 'none' && liveCredentials(after, now).length === 0) {
    hint(`the client has no secret yet: give it one with client rotate-secret ${clientId}`)
  }
  return clientDocument(after)
}

export async function authorizeClient(db: Database, clientId: string, lists: Lists, now: number) {
  const before = required(await findClientRecord(db, clientId), clientId)
  const grantTypes = lists.grantTypes && [...grantTypesOf(before, false), ...lists.grantTypes]
  if (grantTypes) requireSound({ ...before, grantTypes })
  return clientDocument(
    required(await clientRegistry(db).authorize(clientId, lists, now), clientId),
  )
}

export const withdrawFromClient = async (
  db: Database,
  clientId: string,
  lists: Lists,
  now: number,
) => clientDocument(required(await clientRegistry(db).withdraw(clientId, lists, now), clientId))

export async function rotateSecret(
  db: Database,
  clientId: string,
  overlapSeconds: number,
  now: number,
) {
  const secret = mintToken('clientSecret')
  const registry = clientRegistry(db)
  const rotated = await registry.rotateSecret(
    clientId,
    await hexDigest(secret),
    overlapSeconds,
    now,
  )
  if (required(rotated, clientId).authMethod === 'none') {
    throw new Refusal('a client with the authentication method none has no secret to rotate')
  }
  return { client_secret: secret }
}

export const disableClient = async (db: Database, clientId: string, now: number) =>
  clientDocument(required(await clientRegistry(db).disable(clientId, now), clientId))

export const enableClient = async (db: Database, clientId: string, now: number) =>
  clientDocument(required(await clientRegistry(db).enable(clientId, now), clientId))

/** The client as it was. */
export const deleteClient = async (db: Database, clientId: string) =>
  clientDocument(required(await clientRegistry(db).delete(clientId), clientId))
