/** A client as the portal shows it to its owners and to approvers, and what owners can request. */

import type { ClientRecord, OwnershipOffer } from '../domain/client.ts'
import type { Resource } from '../domain/resource.ts'
import { type Category, MAX_DECLARED, type ScopeFields } from '../domain/scope-catalogue.ts'
import { RECORD_COLUMNS, readClientRecord } from './client-record.ts'
import { type Database, type RowOf, rowReader } from './database.ts'
import { IS_KEPT } from './owner-statements.ts'
import { ALL_TITLES } from './scope-catalogue.ts'

export type Owner = Readonly<{
  userId: string
  /** Null for a user of an external accounts service, and for a deleted user. */
  username: string | null
  /** The last known name of a user of an external accounts service, folded; null if the name is not known. */
  seenName: string | null
}>

/** A user to whom a client was offered. Instants in epoch seconds. */
export type OfferedOwner = Owner & Pick<OwnershipOffer, 'offeredAt' | 'declinedAt'>

export type OwnClient = Readonly<{
  client: ClientRecord
  owners: readonly Owner[]
  offers: readonly OfferedOwner[]
  /** The digest of the client's logo, which is in the logo's address here; null if no logo is stored. */
  logo: string | null
}>

/** SQL: joins the user with the id `id`. */
export const named = (id: string) =>
  `LEFT JOIN user u ON u.user_id = ${id} LEFT JOIN external_user e ON e.user_id = ${id}`
/** SQL: the user with the id `id` as JSON, an `Owner`; NULL if there is no id. */
export const ownerJson = (id: string) =>
  `iif(${id} <> '', json_object('userId', ${id}, 'username', u.username, 'seenName', e.username_key), NULL)`

export const SHOWN_COLUMNS = `${RECORD_COLUMNS},
    (SELECT g.digest FROM logo g WHERE g.logo_uri = c.logo_uri) AS logo`
/** The position of users to whom the client was offered. */
const OFFERED = 2
/** The first owner comes first, users with an offer come last. `which`: SQL about the client `c`, which is `?1`. */
export const ownersOf = (
  which: string,
) => `SELECT slice.user_id AS userId, slice.added_at AS offeredAt, slice.declined_at AS declinedAt, slice.place,
    u.username, e.username_key AS seenName
  FROM client c CROSS JOIN (
    SELECT owner_id AS user_id, 0 AS added_at, NULL AS declined_at, 0 AS place FROM client WHERE client_id = ?1
    UNION ALL SELECT user_id, added_at, NULL, 1 FROM client_owner WHERE client_id = ?1
    UNION ALL SELECT user_id, offered_at, declined_at, ${OFFERED} FROM client_owner_offer o WHERE client_id = ?1 AND ${IS_KEPT}) slice
  ${named('slice.user_id')}
  WHERE ${which} ORDER BY slice.place, slice.added_at, slice.user_id`

const ownerOf = ({ userId, username, seenName }: Owner): Owner => ({ userId, username, seenName })

export function readOwnClient([clients = [], owners = []]: readonly unknown[][]): OwnClient | null {
  const [found] = clients as RowOf<ClientRecord & Pick<OwnClient, 'logo'>>[]
  if (found === undefined) return null
  const { logo, ...row } = found
  const all = owners as (OfferedOwner & { place: number })[]
  return {
    client: readClientRecord(row),
    logo,
    owners: all.filter(({ place }) => place !== OFFERED).map(ownerOf),
    offers: all.filter(({ place }) => place === OFFERED).map(({ place, ...offer }) => offer),
  }
}

/** What owners can request. */
export type Declared = Readonly<{
  scopes: readonly (ScopeFields & Readonly<{ name: string }>)[]
  categories: readonly Category[]
  resources: readonly Pick<Resource, 'uri' | 'name' | 'scopes'>[]
}>

export const ALL_DECLARED = `SELECT name, sentence, self_registered AS selfRegistered, sensitive FROM scope
  WHERE name > '' ORDER BY name LIMIT ${MAX_DECLARED}`
export const ALL_RESOURCES = `SELECT uri, name, scopes FROM resource WHERE uri > '' ORDER BY uri LIMIT ${MAX_DECLARED}`

export const declaredStatements = (db: Database) =>
  [ALL_DECLARED, ALL_TITLES, ALL_RESOURCES].map((sql) => db.prepare(sql))

const readScope = rowReader<Declared['scopes'][number]>({
  selfRegistered: 'flag',
  sensitive: 'flag',
})
const readResource = rowReader<Declared['resources'][number]>({ scopes: 'json' })

export const readDeclared = ([
  scopes = [],
  titles = [],
  resources = [],
]: readonly unknown[][]): Declared => ({
  scopes: (scopes as Parameters<typeof readScope>[0][]).map(readScope),
  categories: titles as Category[],
  resources: (resources as Parameters<typeof readResource>[0][]).map(readResource),
})
