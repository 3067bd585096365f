/** What the public directory shows, in D1: only clients that are listed and enabled. */

import type { DeclaredScope } from '../domain/scope-catalogue.ts'
import { bound, type Database, type RowOf, rowReader, rowsIn } from './database.ts'
import { ALL_DECLARED_SCOPES, readCatalogue } from './scope-catalogue.ts'

/** A cursor: the entry after which a page begins. */
export type Place = Readonly<{ key: string; clientId: string }>

export type DirectoryEntry = Readonly<{
  place: Place
  name: string
  url: string
  description: string
  /** The username of the client's first owner; null if the owner is no registered user. */
  ownerName: string | null
  /** The digest of the client's logo, which is in the logo's address here; null if no logo is stored. */
  logo: string | null
  /** The scopes that the client is authorized for. */
  scopes: readonly string[]
}>

export type DirectoryPage = Readonly<{
  entries: readonly DirectoryEntry[]
  isMore: boolean
  declared: ReadonlyMap<string, DeclaredScope>
}>

export interface DirectoryReader {
  /**
   * At most `rows` entries after the place, each entry once. They are ordered by name or, with a search, by the key that was
   * found. An entry that is added or removed moves no other entry from one page to another.
   */
  page(search: string, after: Place | null, rows: number): Promise<DirectoryPage>
}

const placeAt = (key: string) => `json_object('key', ${key}, 'clientId', c.client_id) AS place`
const COLUMNS = `c.name, c.url, c.description, u.username AS ownerName,
    (SELECT g.digest FROM logo g WHERE g.logo_uri = c.logo_uri AND c.logo_uri <> '') AS logo,
    (SELECT json_group_array(scope) FROM (SELECT a.scope FROM client_authorization a
      WHERE a.client_id = c.client_id AND a.authorized_at IS NOT NULL ORDER BY a.scope)) AS scopes`
const ENABLED_CLIENT = `CROSS JOIN client c ON c.client_id = l.client_id AND c.disabled_at IS NULL
  LEFT JOIN user u ON u.user_id = c.owner_id`

export const LISTED = `SELECT ${placeAt('l.name_key')}, ${COLUMNS} FROM listing l ${ENABLED_CLIENT}
  WHERE l.listed_at IS NOT NULL AND (l.name_key, l.client_id) > (?1, ?2) ORDER BY l.name_key, l.client_id LIMIT ?3`
/** `?4` is the search text. An entry with several matching keys has the position of the first of these keys. */
export const FOUND = `SELECT ${placeAt('k.key')}, ${COLUMNS} FROM listing_key k
  CROSS JOIN listing l ON l.client_id = k.client_id AND l.listed_at IS NOT NULL ${ENABLED_CLIENT}
  WHERE (k.key, k.client_id) > (?1, ?2) AND k.key < ?4 || char(1114111)
    AND NOT EXISTS (SELECT 1 FROM listing_key e WHERE e.client_id = k.client_id AND e.key >= ?4 AND e.key < k.key)
  ORDER BY k.key, k.client_id LIMIT ?3`

const readEntry = rowReader<DirectoryEntry>({ place: 'json', scopes: 'json' })

export const directoryReader = (db: Database): DirectoryReader => ({
  async page(search, after, rows) {
    // No id is empty, so every entry comes after this place.
    const { key, clientId } = after ?? { key: search, clientId: '' }
    const values = [key, clientId, rows + 1]
    const [found, declared] = await db.batch([
      search === '' ? bound(db, LISTED, ...values) : bound(db, FOUND, ...values, search),
      db.prepare(ALL_DECLARED_SCOPES),
    ])
    const entries = rowsIn<RowOf<DirectoryEntry>>(found).map(readEntry)
    return {
      entries: entries.slice(0, rows),
      isMore: entries.length > rows,
      declared: readCatalogue([declared]).scopes,
    }
  },
})
