/** Imports clients of another registry with ids, secrets and dates. Each client is new, exists already, or is refused. */

import { withoutCovered } from '../../domain/category.ts'
import {
  type ClientRecord,
  type ImportedClient,
  isEnabled,
  type Permission,
  usesSecret,
} from '../../domain/client.ts'
import {
  CLIENT_FIELDS,
  CLIENT_LISTS,
  permissionsOf,
} from '../../protocol/registration/client-fields.ts'
import { conflict, invalid, RegistrationError } from '../../protocol/registration/errors.ts'
import { shown } from '../../protocol/registration/field.ts'
import type { RegistrationPorts } from '../../stores/registration.ts'
import type { Detail } from '../../stores/registration-ports.ts'
import { type Act, authorOf, isSameSet } from './change.ts'
import { hasClientFields, requireSound, withKeySet } from './create-client.ts'
import { requireAdmin } from './privileged.ts'

/** `notes`: sentences for the caller without a full stop. */
export type Imported =
  | Readonly<{ kind: 'created' | 'unchanged'; notes: readonly string[] }>
  | Readonly<{ kind: 'refused'; why: RegistrationError }>

type Checked = Readonly<{ client: ImportedClient; detail: Detail; notes: readonly string[] }>

/** Attempts of an import, while others register clients with the same ids. */
const MAX_ROUNDS = 3

const taken = (sentence: string) => conflict(sentence, 'client_id')

function withoutCoveredEndorsements(permissions: readonly Permission[]): readonly Permission[] {
  const isKept = (kept: readonly string[], { kind, value, authorizedAt }: Permission) =>
    kind !== 'endorsement' || authorizedAt === null || kept.includes(value)
  const kept = withoutCovered(permissionsOf({ permissions }, 'endorsement', false))
  return permissions.filter((one) => isKept(kept, one))
}

/** Throws a RegistrationError. */
async function check(given: ImportedClient): Promise<Checked> {
  const { fields, notes } = await withKeySet(given.fields)
  const permissions = withoutCoveredEndorsements(given.permissions)
  const client = { ...given, fields, permissions }
  const { authMethod, jwks, jwksUri } = fields
  const { redirectUris, credentials } = client
  requireSound({
    authMethod,
    jwks,
    jwksUri,
    redirectUris,
    grantTypes: permissionsOf(client, 'grant_type'),
  })
  if (credentials.length > 0 && !usesSecret(authMethod)) {
    const sentence = `a client with the authentication method ${authMethod} has no secret`
    throw invalid(sentence, 'credentials')
  }
  const lists = {
    redirectUris,
    scopes: permissionsOf(client, 'scope', false),
    grantTypes: permissionsOf(client, 'grant_type', false),
    endorsements: permissionsOf(client, 'endorsement', false),
  }
  const detail = {
    ...shown('inAudit', CLIENT_FIELDS, fields),
    ...shown('inAudit', CLIENT_LISTS, lists),
    requested: (['scope', 'grant_type', 'endorsement'] as const).flatMap((kind) =>
      permissionsOf(client, kind, true),
    ),
  }
  return { client, detail, notes }
}

const permissionKeys = (permissions: readonly Permission[]) =>
  permissions.map(({ kind, value, authorizedAt }) => `${kind} ${authorizedAt === null} ${value}`)

/** Is this the client that the same import made? Dates are not compared. */
const isSame = (record: ClientRecord, given: ImportedClient) =>
  hasClientFields(record, given.fields) &&
  isEnabled(record) === isEnabled(given) &&
  isSameSet(record.redirectUris, given.redirectUris) &&
  isSameSet(permissionKeys(record.permissions), permissionKeys(given.permissions)) &&
  isSameSet(
    record.credentials.map(({ secretDigest }) => secretDigest),
    given.credentials.map(({ secretDigest }) => secretDigest),
  )

const refusedBy = (fault: unknown): Imported => {
  if (fault instanceof RegistrationError) return { kind: 'refused', why: fault }
  throw fault
}

/**
 * Returns one result for each client, in the order of the clients. A refused client does not stop the others. All new clients
 * are one batch. A client that exists already stays the same, so that an import can be repeated. `isDryRun` writes nothing.
 */
export async function importClients(
  act: Act<Pick<RegistrationPorts, 'clients'>>,
  given: readonly ImportedClient[],
  isDryRun = false,
): Promise<readonly Imported[]> {
  requireAdmin(act.actor, 'an import')
  const ids = new Set<string>()
  const checked = await Promise.all(
    given.map((client): Promise<Checked | Imported> => {
      const { clientId } = client
      if (ids.has(clientId)) return Promise.resolve(refusedBy(taken('{field} is given twice')))
      ids.add(clientId)
      return check(client).catch(refusedBy)
    }),
  )
  const { clients } = act.ports
  for (let round = 1; round <= MAX_ROUNDS; round += 1) {
    const known = new Map(
      (await clients.findAll([...ids])).map((one) => [one.clientId as string, one]),
    )
    const fresh: (ImportedClient & Readonly<{ detail: Detail }>)[] = []
    const results = checked.map((one): Imported => {
      if ('kind' in one) return one
      const { client, detail, notes } = one
      const record = known.get(client.clientId)
      if (record === undefined) {
        fresh.push({ ...client, detail })
        return { kind: 'created', notes }
      }
      if (isSame(record, client)) return { kind: 'unchanged', notes }
      return refusedBy(taken('a client with this {field} is there with other content'))
    })
    if (isDryRun || fresh.length === 0) return results
    if (await clients.importAll(fresh, authorOf(act))) return results
  }
  throw conflict('other requests registered clients with the same ids at the same time')
}
