/** Registers a client. */

import { hexDigest } from '../../crypto/digest.ts'
import { readKeySet } from '../../crypto/key-set.ts'
import { randomId } from '../../crypto/random.ts'
import { mintToken } from '../../crypto/token.ts'
import { withoutCovered } from '../../domain/category.ts'
import {
  type ClientFields,
  type ClientRecord,
  type Permission,
  usesSecret,
} from '../../domain/client.ts'
import {
  grantTypesByDefault,
  type Registered,
  registrationProblem,
} from '../../domain/registration.ts'
import {
  CLIENT_FIELDS,
  CLIENT_LISTS,
  type GivenClient,
  type GivenNewClient,
  permissionsOf,
} from '../../protocol/registration/client-fields.ts'
import { conflict, invalid, quote, RegistrationError } from '../../protocol/registration/errors.ts'
import { shown } from '../../protocol/registration/field.ts'
import type { RegistrationPorts } from '../../stores/registration.ts'
import type { Changed, NewClient } from '../../stores/registration-ports.ts'
import { type Act, authorOf, FREE_LATER, hasFields, isSameSet, type Outcome } from './change.ts'
import { requireMayChooseId, requireMayGive } from './privileged.ts'
import { requireDeclared } from './resources.ts'
import { undeclaredNotes } from './scopes.ts'

export function requireSound(registered: Registered) {
  const problem = registrationProblem(registered)
  if (problem) throw invalid(problem.sentence, problem.field)
}

/** A JWK Set (RFC 7517 §5) as stored: compact, with usable keys only. It replaces an address for keys (RFC 7591 §2). */
export async function withKeySet<Fields extends Partial<ClientFields>>(
  fields: Fields,
): Promise<Readonly<{ fields: Fields; notes: readonly string[] }>> {
  if (typeof fields.jwks !== 'string') return { fields, notes: [] }
  if (fields.jwksUri) {
    throw invalid('a JWK Set is given already, so {field} must not be', 'jwks_uri')
  }
  const read = await readKeySet(fields.jwks)
  if (typeof read === 'string') {
    throw invalid(`the JWK Set ${read}`, 'jwks')
  }
  const notes = read.ignored.map((sentence) => `${sentence}; the key is left out`)
  return { fields: { ...fields, jwks: read.keySet, jwksUri: '' }, notes }
}

export const auditDetailOf = ({ fields, lists, mode }: GivenClient) => ({
  ...shown('inAudit', CLIENT_FIELDS, fields),
  ...shown('inAudit', CLIENT_LISTS, lists),
  ...(mode === 'request' && { requested_only: true }),
})

/** Compares the client's fields. Keys that were read at an address are not a field, so they are not compared. */
export const hasClientFields = (client: ClientRecord, { jwks, ...others }: ClientFields) =>
  hasFields(client, others) && (client.jwksUri !== '' || client.jwks === jwks)

/** Is this the client that the same registration made? Dates and secrets are not compared. */
function isSameClient(
  client: ClientRecord,
  { fields, lists, mode }: GivenClient & Readonly<{ fields: ClientFields }>,
): boolean {
  const isListed = (kind: Permission['kind'], given: readonly string[] = []) =>
    isSameSet(permissionsOf(client, kind, mode === 'request'), given) &&
    permissionsOf(client, kind, mode !== 'request').length === 0
  return (
    hasClientFields(client, fields) &&
    isSameSet(client.redirectUris, lists.redirectUris) &&
    isSameSet(client.defaultResources, lists.defaultResources) &&
    isSameSet(client.furtherOwners, lists.furtherOwners) &&
    isListed('scope', lists.scopes) &&
    isListed('grant_type', lists.grantTypes) &&
    isListed('endorsement', withoutCovered(lists.endorsements ?? []))
  )
}

/** `clientSecret` is shown only once; null for a client without a secret, and for a client that existed already. */
export type CreatedClient = Outcome<ClientRecord> &
  Readonly<{ isNew: boolean; clientSecret: string | null }>

const tooMany = () => conflict('the owner has as many clients as a user may have', 'owner_id')

/**
 * The most times in an hour that an owner, or a client itself, may request permissions and listings and offer clients.
 * Requests in a loop would hide the requests of others.
 */
export const REQUESTS_IN_AN_HOUR = 60

/** Only a change of the first owner can be refused as too many. */
export function notTooMany(
  changed: Changed<ClientRecord> | Readonly<{ kind: 'too_many' }> | Readonly<{ kind: 'too_often' }>,
): Changed<ClientRecord> {
  if (changed.kind === 'too_often') {
    const sentence = `at most ${REQUESTS_IN_AN_HOUR} requests and offers are noted within an hour: ask again later`
    throw new RegistrationError('too_often', sentence)
  }
  if (changed.kind === 'too_many') throw tooMany()
  return changed
}

type ByOwner = Pick<NewClient, 'ownedAtMost' | 'ownerName'>

/** A client without given grant types gets the grant types that it can use. */
export async function createWithin(
  act: Act<Pick<RegistrationPorts, 'clients' | 'resources'>>,
  given: GivenNewClient,
  owner: ByOwner = {},
): Promise<CreatedClient> {
  await requireDeclared(act, given.lists.defaultResources)
  const { fields, notes } = await withKeySet(given.fields)
  const { authMethod, jwks, jwksUri } = fields
  const { redirectUris = [] } = given.lists
  const grantTypes = given.lists.grantTypes ?? grantTypesByDefault({ authMethod, redirectUris })
  requireSound({ authMethod, jwks, jwksUri, redirectUris, grantTypes })
  const whole = { fields, lists: { ...given.lists, grantTypes }, mode: given.mode }
  const clientId = given.clientId ?? randomId()
  const clientSecret = usesSecret(authMethod) ? mintToken('clientSecret') : null
  const secretDigest = clientSecret === null ? null : await hexDigest(clientSecret)
  const { clients } = act.ports
  const client = { clientId, secretDigest, ...owner, ...whole }
  const created = await clients.create(client, authorOf(act), auditDetailOf(whole))
  if (created === 'too_many') throw tooMany()
  if (created) {
    const undeclared = undeclaredNotes(created, given.lists.scopes)
    return { record: created, notes: [...notes, ...undeclared], isNew: true, clientSecret }
  }
  const record = await clients.find(clientId)
  if (record && isSameClient(record, whole)) {
    return { record, notes, isNew: false, clientSecret: null }
  }
  if (!record) {
    throw conflict(
      `a client with the id ${quote(clientId)} was deleted: ${FREE_LATER}`,
      'client_id',
    )
  }
  throw conflict(`another client has the id ${quote(clientId)}`, 'client_id')
}

/** With an id from the caller the call may be repeated: the same content changes nothing, other content is a conflict. */
export async function createClient(
  act: Act<Pick<RegistrationPorts, 'clients' | 'resources'>>,
  given: GivenNewClient,
): Promise<CreatedClient> {
  requireMayGive(act.actor, given.lists.scopes)
  requireMayChooseId(act.actor, given.clientId, 'client_id')
  return createWithin(act, given)
}
