/** Declaring scopes and categories in D1. Instants in epoch seconds. */

import { D1_NOW_MS } from './d1-clock.ts'
import type { Database } from './database.ts'

/** As files and the management API have it. */
export type ScopeDeclaration = Readonly<{
  name: string
  sentence: string
  self_registered?: boolean
  sensitive?: boolean
}>
export type CategoryDeclaration = Readonly<{ name: string; title: string }>

/** Nothing declared is changed. */
export const DECLARE_NEW_SCOPES = `INSERT INTO scope (name, sentence, self_registered, sensitive, version, created_at, updated_at)
  SELECT value ->> 'name', value ->> 'sentence', coalesce(value ->> 'self_registered', 0),
    coalesce(value ->> 'sensitive', 0), ${D1_NOW_MS}, CAST(?2 AS INTEGER), CAST(?2 AS INTEGER)
  FROM json_each(?1) WHERE true ON CONFLICT DO NOTHING`
export const DECLARE_NEW_CATEGORIES = `INSERT INTO category (name, title)
  SELECT value ->> 'name', value ->> 'title' FROM json_each(?1) WHERE true ON CONFLICT DO NOTHING`

export type CatalogueFile = Readonly<{
  scopes: readonly ScopeDeclaration[]
  categories: readonly CategoryDeclaration[]
}>

/** Declares what is not declared yet. */
export const declareNew = (db: Database, { scopes, categories }: CatalogueFile, now: number) =>
  db.batch([
    db.prepare(DECLARE_NEW_SCOPES).bind(JSON.stringify(scopes), now),
    db.prepare(DECLARE_NEW_CATEGORIES).bind(JSON.stringify(categories)),
  ])
