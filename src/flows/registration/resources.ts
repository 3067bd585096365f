/** What an administrator does to resources. Each verb throws a RegistrationError if it is refused. */

import {
  canonicalResource,
  type ResourceFields,
  type ResourceRecord,
} from '../../domain/resource.ts'
import { conflict, invalid, quote } from '../../protocol/registration/errors.ts'
import { RESOURCE_FORM } from '../../protocol/registration/resource-fields.ts'
import type { RegistrationPorts } from '../../stores/registration.ts'
import {
  type Act,
  authorOf,
  type ExpectedVersion,
  hasFields,
  isSameSet,
  type Outcome,
} from './change.ts'
import { declaredVerbs } from './declared.ts'

/** Refuses a signed format without signing keys. Otherwise the first request for a token would fail. */
function requireSignable({ cannotSign = false }: Act, { tokenFormat }: Partial<ResourceFields>) {
  if (!(cannotSign && tokenFormat === 'jwt')) return
  const sentence = '{field} cannot be jwt: the registry has no SIGNING_KEYS to sign tokens with'
  throw invalid(sentence, 'token_format')
}

const resources = declaredVerbs({
  form: RESOURCE_FORM,
  storeOf: (ports) => ports.resources,
  keyOf: (uri) => canonicalResource(uri) ?? uri,
  isSame: (known, { scopes, ...fields }) =>
    hasFields(known, fields) && isSameSet(known.scopes, scopes),
  requireServable: requireSignable,
  what: 'declaring resources',
  unknown: (uri) => `there is no resource ${uri}`,
  isOther: (uri) => `the resource ${uri} is there with other content`,
  tooMany: 'resources can be declared',
})

/** Users are asked for consent again if a resource's name has changed. */
export const { find: findResource, create: createResource, update: updateResource } = resources

/**
 * Returns the resource as it was. Access tokens for the resource end, and earlier grants for it give no more tokens, even if
 * it is declared again. The deletion is refused while the resource is a client's default.
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
    const sentence = `${holders} ${quote(before.uri)} as a default resource: change that first`
    throw conflict(sentence, 'uri')
  })

/** Throws if a default resource of a client is not declared. */
export async function requireDeclared(
  { ports }: Readonly<{ ports: Pick<RegistrationPorts, 'resources'> }>,
  uris: readonly string[] = [],
) {
  const [missing] = uris.length === 0 ? [] : await ports.resources.missing(uris)
  if (missing === undefined) return
  throw invalid(`{field}: there is no resource ${quote(missing)}`, 'default_resources')
}
