/** The section `clients` of a registry file. */

import { readKeySet } from '../../crypto/key-set.ts'
import { endorsementCovers, withoutCovered } from '../../domain/category.ts'
import type { AuthMethod } from '../../domain/client.ts'
import { grantTypesByDefault, registrationProblem } from '../../domain/registration.ts'
import { COMMAND_LINE_ID, OPERATOR_ID } from '../../local/operators.ts'
import {
  CLIENT_FIELDS,
  CLIENT_LISTS,
  CLIENT_PERMISSIONS,
} from '../../protocol/registration/client-fields.ts'
import { snakeCase } from '../../protocol/registration/field.ts'
import { clientIdSchema } from '../../protocol/registration/shared-fields.ts'
import {
  asSet,
  type Completed,
  declaredScopes,
  differing,
  type Entry,
  fromTables,
  listIn,
  PLAIN,
  requestedName,
  type Section,
  without,
} from './section.ts'

const PERMISSIONS = Object.keys(CLIENT_PERMISSIONS).map(snakeCase)
const REQUESTED = PERMISSIONS.map(requestedName)

/** The key set in the form that the registry would store. */
async function keysOf(given: unknown) {
  if (given === null) return { jwks: null, problems: [], notes: [] }
  const read = await readKeySet(JSON.stringify(given))
  if (typeof read === 'string') {
    return { jwks: given, problems: [{ field: 'jwks', sentence: `{field} ${read}` }], notes: [] }
  }
  const notes = read.ignored.map((sentence) => `${sentence}; the key is left out`)
  return { jwks: JSON.parse(read.keySet) as unknown, problems: [], notes }
}

/** An authorized permission is not requested as well, and an endorsement that another one covers is dropped. */
function permissionsIn(checked: Entry): Entry {
  const authMethod = checked.auth_method as AuthMethod
  const redirectUris = listIn(checked, 'redirect_uris')
  const byDefault = grantTypesByDefault({ authMethod, redirectUris })
  const lists = PERMISSIONS.flatMap((name) => {
    const { distinct, covers } =
      name === 'endorsements'
        ? { distinct: withoutCovered, covers: endorsementCovers }
        : { distinct: asSet, covers: Object.is }
    // Only the grant types can be missing, because `defaults` has the other two lists.
    const authorized = distinct((checked[name] ?? byDefault) as readonly string[])
    const requested = distinct(listIn(checked, requestedName(name)))
    const isOpen = (one: string) => !authorized.some((held) => covers(held, one))
    return [[name, authorized] as const, [requestedName(name), requested.filter(isOpen)] as const]
  })
  return Object.fromEntries(lists)
}

async function complete(checked: Entry): Promise<Completed> {
  const { jwks, problems, notes } = await keysOf(checked.jwks)
  // The first owner is not a further owner.
  const further_owners = listIn(checked, 'further_owners').filter((id) => id !== checked.owner_id)
  const entry = { ...checked, jwks, further_owners, ...permissionsIn(checked) } as Entry
  const unsound = registrationProblem({
    authMethod: entry.auth_method as AuthMethod,
    jwks: entry.jwks === null ? null : JSON.stringify(entry.jwks),
    jwksUri: String(entry.jwks_uri),
    redirectUris: listIn(entry, 'redirect_uris'),
    grantTypes: [...listIn(entry, 'grant_types'), ...listIn(entry, 'requested_grant_types')],
  })
  return { entry, problems: unsound ? [...problems, unsound] : problems, notes }
}

const requestedLists = (lists: Entry): Entry => ({ ...lists, requested_only: true })

/** A client that the file disables is created without permissions, so that it cannot use them before it is disabled. */
function firstBody(after: Entry): Entry {
  const rest = without(after, [...PERMISSIONS, ...REQUESTED, 'disabled'])
  const listsOf = (nameOf: (name: string) => string) =>
    Object.fromEntries(PERMISSIONS.map((name) => [name, after[nameOf(name)]]))
  if (after.disabled) return { ...rest, grant_types: [] }
  const isOnlyRequested = PERMISSIONS.every((name) => listIn(after, name).length === 0)
  return isOnlyRequested
    ? { ...rest, ...requestedLists(listsOf(requestedName)) }
    : { ...rest, ...listsOf((name) => name) }
}

/** Removes requests that the file lacks first: they could contradict other changes. Adds the new requests last. */
function nextBody(current: Entry, after: Entry): Entry | null {
  const isListed = (name: string, value: string) =>
    listIn(after, name).includes(value) || listIn(after, requestedName(name)).includes(value)
  const kept = PERMISSIONS.map(
    (name) =>
      [name, listIn(current, requestedName(name)).filter((one) => isListed(name, one))] as const,
  )
  const narrowed = kept.filter(
    ([name, values]) => values.length < listIn(current, requestedName(name)).length,
  )
  if (narrowed.length > 0) return requestedLists(Object.fromEntries(narrowed))
  const changes = differing(current, after)
  const unrequested = without(changes, REQUESTED)
  if (Object.keys(unrequested).length > 0) return unrequested
  const added = PERMISSIONS.filter((name) => requestedName(name) in changes)
  if (added.length === 0) return null
  return requestedLists(Object.fromEntries(added.map((name) => [name, after[requestedName(name)]])))
}

const tables = fromTables('client_id', {
  idSchema: clientIdSchema(),
  fields: CLIENT_FIELDS,
  lists: CLIENT_LISTS,
  requestable: CLIENT_PERMISSIONS,
  hasState: true,
})

export const CLIENTS: Section = {
  ...PLAIN,
  name: 'clients',
  path: '/clients',
  noun: 'client',
  id: 'client_id',
  ...tables,
  // The grant types are always written, because their default depends on the other members.
  defaults: without(tables.defaults, ['grant_types']),
  complete,
  isOwn: (id) => id === COMMAND_LINE_ID || id.startsWith(OPERATOR_ID),
  filter: { kind: 'operator' },
  refersTo: (entry) => ({
    scopes: declaredScopes([...listIn(entry, 'scopes'), ...listIn(entry, requestedName('scopes'))]),
    resources: listIn(entry, 'default_resources'),
  }),
  firstBody,
  nextBody,
}
