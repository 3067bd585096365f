/** What an administrator does to resources. Each verb throws a RegistrationError for what is refused. */

import {
  canonicalResource,
  isScopeOf,
  type ResourceFields,
  type ResourceRecord,
} from '../../domain/resource.ts'
import { quote, RegistrationError } from '../../protocol/registration/errors.ts'
import { RESOURCE_FORM } from '../../protocol/registration/resource-fields.ts'
import type { RegistrationPorts } from '../../stores/registration-ports.ts'
import {
  type Act,
  authorOf,
  type ExpectedVersion,
  hasFields,
  isSameSet,
  type Outcome,
} from './change.ts'
import { declaredVerbs } from './declared.ts'

const resources = declaredVerbs({
  form: RESOURCE_FORM,
  storeOf: (ports) => ports.resources,
  keyOf: (uri) => canonicalResource(uri) ?? uri,
  isSame: (known, { scopes, ...fields }) =>
    hasFields(known, fields) && isSameSet(known.scopes, scopes),
  what: 'declaring resources',
  unknown: (uri) => `there is no resource ${uri}`,
  isOther: (uri) => `the resource ${uri} is there with other content`,
  tooMany: 'resources can be declared',
})

export const { find: findResource } = resources

/** Otherwise the first request for a token would tell. */
function requireSignable({ cannotSign = false }: Act, { tokenFormat }: Partial<ResourceFields>) {
  if (!(cannotSign && tokenFormat === 'jwt')) return
  const sentence = '{field} cannot be jwt: the registry has no SIGNING_KEYS to sign tokens with'
  throw new RegistrationError('invalid', sentence, 'token_format')
}

export const createResource: typeof resources.create = async (act, given) => {
  requireSignable(act, given)
  return resources.create(act, given)
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
  resources.change(act, uri, expected, (before) => {
    requireSignable(act, fields)
    const update = { fields, endsSessions: isNarrowed(before, fields) }
    return act.ports.resources.update(
      before,
      update,
      authorOf(act),
      RESOURCE_FORM.auditOf(before.uri, fields),
    )
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
  resources.change(act, uri, expected, async (before) => {
    const detail = RESOURCE_FORM.auditOf(before.uri, before)
    const deleted = await act.ports.resources.delete(before, authorOf(act), detail)
    if (deleted.kind !== 'is_default') return deleted
    const holders = deleted.clients === 1 ? '1 client has' : `${deleted.clients} clients have`
    const why = `${holders} ${quote(before.uri)} as a default resource: change that first`
    throw new RegistrationError('conflict', why, 'uri')
  })

/** Throws for a default resource of a client that is not declared. */
export async function requireDeclared(
  { ports }: Readonly<{ ports: Pick<RegistrationPorts, 'resources'> }>,
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
