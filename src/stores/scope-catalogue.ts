/** Declared scopes and categories in D1, as the pages and the metadata read them. */

import { readHierarchy } from '../domain/scope.ts'
import {
  archiveOf,
  type Catalogue,
  type Category,
  type DeclaredScope,
  MAX_DECLARED,
} from '../domain/scope-catalogue.ts'
import { bound, type Database, type RowOf, rowReader, rowsIn } from './database.ts'
import { SharedRead } from './isolate-memory.ts'

/** `?1` is a JSON list of ranges of names, each `[first, last]`. */
export const FIND_DECLARED_SCOPES = `SELECT s.name, s.sentence, s.sensitive AS isSensitive FROM json_each(?1) r
  CROSS JOIN scope s ON s.name BETWEEN r.value ->> 0 AND r.value ->> 1`
/** The titles of the endorsements in `?1`, of the endorsements of the user `?2`, and of their archives. */
export const FIND_TITLES = `SELECT name, title FROM category WHERE name IN (SELECT value FROM json_each(?1)
  UNION SELECT category FROM user_endorsement WHERE user_id = ?2
  UNION SELECT substr(category, 1, instr(category || '.', '.') - 1) FROM user_endorsement WHERE user_id = ?2)`
const FIRST = `WHERE name > '' ORDER BY name LIMIT ${MAX_DECLARED}`
export const ALL_DECLARED_SCOPES = `SELECT name, sentence, sensitive AS isSensitive FROM scope ${FIRST}`
/** Scopes come first, then resources. */
export const ALL_SUPPORTED = `SELECT name, 0 AS is_resource FROM (SELECT name FROM scope ${FIRST})
  UNION ALL SELECT uri, 1 FROM (SELECT uri FROM resource WHERE uri > '' ORDER BY uri LIMIT ${MAX_DECLARED})`
export const ALL_TITLES = `SELECT name, title FROM category ${FIRST}`

const readScope = rowReader<DeclaredScope>({ isSensitive: 'flag' })

/** The ranges in which `describeScope` finds a scope and its forms for one resource. The character after `:` is `;`. */
function rangesFor(scope: string): (readonly [first: string, last: string])[] {
  const parts = readHierarchy(scope)
  if (!parts || parts.resource === null) return [[scope, scope]]
  const { general, resource } = parts
  const own =
    resource === '*' ? ([`${general}:`, `${general};`] as const) : ([scope, scope] as const)
  return [[general, general], own]
}

export type Permissions = Readonly<{ scopes: readonly string[]; endorsements: readonly string[] }>

/** Statements whose results `readCatalogue` reads, for the batch of another read. */
export const catalogueOf = (
  db: Database,
  userId: string,
  { scopes, endorsements }: Permissions,
): D1PreparedStatement[] => {
  const names = JSON.stringify([...endorsements, ...endorsements.map(archiveOf)])
  return [
    bound(db, FIND_DECLARED_SCOPES, JSON.stringify(scopes.flatMap(rangesFor))),
    ...(endorsements.length === 0 ? [] : [bound(db, FIND_TITLES, names, userId)]),
  ]
}

/** The same statements as `catalogueOf`, for everything that is declared. */
export const wholeCatalogue = (db: Database): D1PreparedStatement[] => [
  db.prepare(ALL_DECLARED_SCOPES),
  db.prepare(ALL_TITLES),
]

export function readCatalogue([scopes, titles]: readonly (D1Result | undefined)[]): Catalogue {
  const declared = rowsIn<RowOf<DeclaredScope>>(scopes).map(readScope)
  const titled = rowsIn<Category>(titles)
  return {
    scopes: new Map(declared.map((scope) => [scope.name, scope])),
    titles: new Map(titled.map(({ name, title }) => [name, title])),
  }
}

/** How long an isolate uses the lists of scopes and resources before it reads them again. */
export const SCOPES_KEPT_SECONDS = 60

/** Names of scopes and URIs of resources, sorted. */
type Supported = Readonly<{ scopes: readonly string[]; resources: readonly string[] }>

/** The lists are read from the primary. */
export const supportedReader = (db: Database) => ({
  async read(): Promise<Supported> {
    const { results } = await db.prepare(ALL_SUPPORTED).all<{ name: string; is_resource: number }>()
    const named = (kind: number) =>
      results.filter(({ is_resource }) => is_resource === kind).map(({ name }) => name)
    return { scopes: named(0), resources: named(1) }
  },
})

const NOTHING: Supported = { scopes: [], resources: [] }

export type SupportedStore = ReturnType<typeof supportedByRegistry>

export function supportedByRegistry(source: ReturnType<typeof supportedReader>) {
  const reading = new SharedRead()
  let kept: Readonly<{ supported: Supported; askedAtMs: number }> | null = null
  const isFresh = (nowMs: number) =>
    kept !== null && nowMs - kept.askedAtMs < SCOPES_KEPT_SECONDS * 1000
  const read = async (nowMs: number) => {
    kept = { supported: await source.read(), askedAtMs: nowMs }
  }
  return {
    /** At most `SCOPES_KEPT_SECONDS` old, and older if D1 does not answer. Throws if this isolate has never read them. */
    async read(nowMs: number): Promise<Supported> {
      const reread = () =>
        reading.share(
          () => isFresh(nowMs),
          () => read(nowMs),
        )
      if (!isFresh(nowMs)) {
        await reread().catch((fault: unknown) => {
          if (kept === null) throw fault
        })
      }
      return kept?.supported ?? NOTHING
    },
  }
}
