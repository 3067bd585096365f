/** What an administrator does to resources. Each verb throws a RegistrationError for what is refused. */

import {
  canonicalResource,
  isScopeOf,
  type NewResource,
  type ResourceFields,
  type ResourceRecord,
} from '../../domain/resource.ts'
import { MAX_DECLARED } from '../../domain/scope-catalogue.ts'
import { quote, RegistrationError } from '../../protocol/registration/errors.ts'
import { shown } from '../../protocol/registration/field.ts'
import { RESOURCE_FIELDS } from '../../protocol/registration/resource-fields.ts'
import type { Changed, RegistrationPorts, ResourceReader } from '../../stores/registration-ports.ts'
import {
  type Act as AnyAct,
  authorOf,
  changeRecord,
  type ExpectedVersion,
  hasFields,
  isSameSet,
  type Outcome,
} from './change.ts'
import { requireAdmin } from './privileged.ts'

type Act = AnyAct<Pick<RegistrationPorts, 'resources' | 'revocations'>>

const unknown = (uri: string) =>
  new RegistrationError('not_found', `there is no resource ${quote(uri)}`, 'uri')

const WHAT = 'declaring resources'

/** As it is kept, however it was written. */
const keyOf = (uri: string) => canonicalResource(uri) ?? uri

export async function findResource(
  { ports }: Readonly<{ ports: Readonly<{ resources: Pick<ResourceReader, 'find'> }> }>,
  uri: string,
): Promise<ResourceRecord> {
  const resource = await ports.resources.find(keyOf(uri))
  if (!resource) throw unknown(uri)
  return resource
}

const detailOf = (uri: string, fields: Partial<ResourceFields>) => ({
  uri,
  ...shown('inAudit', RESOURCE_FIELDS, fields),
})

const isSame = (known: ResourceRecord, { scopes, ...fields }: NewResource) =>
  hasFields(known, fields) && isSameSet(known.scopes, scopes)

/** It may be called again: the same content changes nothing, other content is a conflict. */
export async function createResource(
  act: Act,
  given: NewResource,
): Promise<Outcome<ResourceRecord> & Readonly<{ isNew: boolean }>> {
  requireAdmin(act.actor, WHAT)
  const { uri, ...fields } = given
  const { resources } = act.ports
  const created = await resources.create(given, authorOf(act), detailOf(uri, fields))
  if (created === 'too_many') {
    throw new RegistrationError('conflict', `at most ${MAX_DECLARED} resources can be declared`)
  }
  if (created) return { record: created, notes: [], isNew: true }
  const record = await resources.find(uri)
  if (record && isSame(record, given)) return { record, notes: [], isNew: false }
  const sentence = `the resource ${quote(uri)} is there with other content`
  throw new RegistrationError('conflict', sentence, 'uri')
}

const change = (
  act: Act,
  uri: string,
  expected: ExpectedVersion,
  decided: (before: ResourceRecord) => Promise<Changed<ResourceRecord>>,
) => {
  requireAdmin(act.actor, WHAT)
  return changeRecord(act, expected, {
    find: () => act.ports.resources.find(keyOf(uri)),
    unknown: () => unknown(uri),
    change: decided,
  })
}

/** Would a token that was issued before be refused to a new request? */
const isNarrowed = (before: ResourceRecord, fields: Partial<ResourceFields>) => {
  const after = { ...before, ...fields }
  const isScopeLost = !before.scopes.every((scope) => isScopeOf(after, scope))
  return isScopeLost || (after.requireDpop && !before.requireDpop)
}

/**
 * A scope that no longer belongs to the resource, and a new demand for DPoP, end the access tokens for it. Refresh tokens
 * and codes stay: what they buy from now on is narrower. Users are asked again where its name has changed.
 */
export const updateResource = async (
  act: Act,
  uri: string,
  fields: Partial<ResourceFields>,
  expected: ExpectedVersion = null,
): Promise<Outcome<ResourceRecord>> =>
  change(act, uri, expected, (before) => {
    const update = { fields, endsSessions: isNarrowed(before, fields) }
    return act.ports.resources.update(before, update, authorOf(act), detailOf(before.uri, fields))
  })

/**
 * Returns the resource as it was. Access tokens for it end, and what was granted for it buys nothing more, even if it is
 * declared again. Refused while it is a client's default.
 */
export const deleteResource = async (
  act: Act,
  uri: string,
  expected: ExpectedVersion = null,
): Promise<Outcome<ResourceRecord>> =>
  change(act, uri, expected, async (before) => {
    const detail = detailOf(before.uri, before)
    const deleted = await act.ports.resources.delete(before, authorOf(act), detail)
    if (deleted.kind !== 'is_default') return deleted
    const holders = deleted.clients === 1 ? '1 client has' : `${deleted.clients} clients have`
    const why = `${holders} ${quote(before.uri)} as a default resource: change that first`
    throw new RegistrationError('conflict', why, 'uri')
  })

/** Throws for a default resource of a client that is not declared. */
export async function requireDeclared(
  { ports }: Readonly<{ ports: Readonly<{ resources: Pick<ResourceReader, 'missing'> }> }>,
  uris: readonly string[] = [],
) {
  const [missing] = uris.length === 0 ? [] : await ports.resources.missing(uris)
  if (missing === undefined) return
  throw new RegistrationError(
    'invalid',
    `{field}: there is no resource ${quote(missing)}`,
    'default_resources',
  )
}
