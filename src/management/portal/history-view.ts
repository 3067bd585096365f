/** The audit entries about a client, in words. */

import type { AuditEvent } from '../../domain/audit.ts'
import { SEEN_FIELDS } from '../../domain/client-approval.ts'
import { inWords } from '../../domain/duration.ts'
import type { User } from '../../domain/user.ts'
import type { ShownEntry } from '../../pages/portal/history.tsx'
import { snakeCase } from '../../protocol/registration/field.ts'
import type { HistoryEntry } from '../../stores/client-history.ts'
import { nameOf } from './clients.tsx'

/** The words for the fields of `SEEN_FIELDS` in a list. */
export const FIELD_WORDS: Readonly<Record<(typeof SEEN_FIELDS)[number], string>> = {
  name: 'name',
  url: 'web page',
  description: 'description',
  logoUri: 'logo',
  tosUri: 'terms',
  policyUri: 'privacy policy',
  redirectUris: 'redirect URIs',
  authMethod: 'way to authenticate',
  jwks: 'keys',
  jwksUri: 'address of its keys',
  ownerId: 'first owner',
  furtherOwners: 'further owners',
}

/** Only the values that are texts: the detail has what a caller gave. */
const textsIn = (value: unknown): string[] =>
  [value].flat().filter((one): one is string => typeof one === 'string' && one !== '')

/** The owners whom the entry names, besides the one who acted. */
const ownersIn = ({ event, detail, people }: HistoryEntry, visitor: User) => {
  if (event !== 'client.update' && !OWNER_EVENTS.includes(event)) return []
  const names = new Map(people.map((one) => [one.userId, nameOf(one, visitor)]))
  const ids = [detail.user_id, detail.owner_id, detail.further_owners].flatMap(textsIn)
  return ids.map((id) => names.get(id) ?? id)
}

const valuesOf = (entry: HistoryEntry, visitor: User) => [
  ...[...(entry.event === 'client.update' ? SHOWN : []), ...PERMISSIONS].flatMap((name) =>
    textsIn(entry.detail[name]),
  ),
  ...ownersIn(entry, visitor),
]

/** The fields whose new value is shown for an update. */
const SHOWN = ['name', 'url', 'redirect_uris', 'auth_method', 'jwks_uri'] as const

const PERMISSIONS = ['grant_types', 'scopes', 'endorsements', 'allowed'] as const

const isOwnerField = (field: string) => field === 'ownerId' || field === 'furtherOwners'

/** The fields that an update has changed; `its settings` if none of them is in `SEEN_FIELDS`. */
function changed(detail: HistoryEntry['detail']): string {
  const fields = SEEN_FIELDS.filter((field) => snakeCase(field) in detail)
  const words = new Set(
    fields.map((field) => (isOwnerField(field) ? 'owners' : FIELD_WORDS[field])),
  )
  return `changed its ${words.size === 0 ? 'settings' : [...words].join(', ')}`
}

function rotated({ overlap_seconds: seconds }: HistoryEntry['detail']): string {
  const rest =
    typeof seconds === 'number' && seconds > 0
      ? `; older ones stay good for ${inWords(seconds)}`
      : ', and ended older ones'
  return `gave it a new secret${rest}`
}

type Did = string | ((detail: HistoryEntry['detail']) => string)

/** The words for what users do as owners. Their other acts are those of approvers. */
const OWNERS_DID: Partial<Record<AuditEvent, Did>> = {
  'client.create': (detail) =>
    detail.requested_only === true ? 'registered it and asked for' : 'registered it',
  'client.update': (detail) => (detail.requested_only === true ? 'asked for' : changed(detail)),
  'client.request': 'asked for',
  'client.rotate_secret': rotated,
  'client.offer_ownership': 'offered it to',
  'client.take_back_offer': 'took back the offer to',
  'client.accept_offer': 'accepted to own it',
  'client.decline_offer': 'declined to own it',
  'client.remove_owner': 'removed the owner',
  'client.leave': (detail) =>
    'owner_id' in detail ? 'left it, so the first owner is now' : 'left it',
  'client.request_listing': 'asked for it to be in the directory',
  'client.take_back_listing': 'took it out of the directory',
  'client.disable': 'disabled it',
  'client.enable': 'enabled it',
  'client.delete': 'deleted it',
}

const DID: Partial<Record<AuditEvent, Did>> = {
  ...OWNERS_DID,
  'client.import': 'imported it',
  'client.authorize': 'approved',
  'client.withdraw': (detail) => {
    if (detail.taken_back === true) return 'took back'
    return detail.declined === true ? 'declined' : 'withdrew'
  },
  'client.revoke_registration_token': 'revoked its registration access token',
  'client.list': 'listed it in the directory',
  'client.decline_listing': 'declined to have it in the directory',
}

function didOf({ event, detail }: HistoryEntry): string {
  const did = DID[event] ?? `did ${event}`
  return typeof did === 'string' ? did : did(detail)
}

/** The words for an actor of the audit that is not a person. */
const WHO: Readonly<Record<string, string>> = {
  registration: 'A request without an access token',
  document: 'Its metadata document',
  housekeeping: 'The registry itself',
  administrator: 'An operator',
}

const PROGRAM = /^client:/

function whoOf(
  { actor, person, clientId }: HistoryEntry & Readonly<{ clientId: string }>,
  visitor: User,
): Pick<ShownEntry, 'who' | 'name'> {
  if (person) {
    const isYou = person.userId === visitor.userId
    return isYou ? { who: 'You', name: null } : { who: '', name: nameOf(person, visitor) }
  }
  if (actor === `client:${clientId}`) return { who: 'The client itself', name: null }
  const who = WHO[actor]
  if (who !== undefined) return { who, name: null }
  return PROGRAM.test(actor)
    ? { who: 'The program ', name: actor.replace(PROGRAM, '') }
    : { who: '', name: actor }
}

export const shownEntry =
  (visitor: User, clientId: string) =>
  (entry: HistoryEntry): ShownEntry => ({
    happenedAt: entry.happenedAt,
    ...whoOf({ ...entry, clientId }, visitor),
    did: didOf(entry),
    values: valuesOf(entry, visitor),
    reason: typeof entry.detail.reason === 'string' ? entry.detail.reason : '',
  })

/** Events that change who owns the client. Some of them name a second user besides the user who acted. */
const OWNER_EVENTS: readonly AuditEvent[] = [
  ...(['client.offer_ownership', 'client.take_back_offer'] as const),
  ...(['client.remove_owner', 'client.leave'] as const),
]

/** Is the act one of the owners? Owners take permissions back, and approvers withdraw them. */
const isOwnersAct = ({ event, detail }: HistoryEntry) =>
  event in OWNERS_DID || (event === 'client.withdraw' && detail.taken_back === true)

const byNoName = (who: string) => ({ who, name: null })

/** The words for the actor that owners read. They do not name operators, approvers and other clients. */
function whoForOwners(entry: HistoryEntry & Readonly<{ clientId: string }>, visitor: User) {
  const { actor, clientId } = entry
  if (actor.startsWith('user:')) {
    return isOwnersAct(entry) ? whoOf(entry, visitor) : byNoName('An approver')
  }
  return actor in WHO || actor === `client:${clientId}`
    ? whoOf({ ...entry, person: null }, visitor)
    : byNoName('An operator')
}

export const ownersEntry =
  (visitor: User, clientId: string) =>
  (entry: HistoryEntry): ShownEntry => ({
    ...shownEntry(visitor, clientId)(entry),
    ...whoForOwners({ ...entry, clientId }, visitor),
  })
