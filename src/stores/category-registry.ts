/** The declared categories in D1: one list, imported as a whole. */

import type { Category } from '../domain/declaration.ts'
import { isStale } from './change-batch.ts'
import type { Database } from './database.ts'
import { isTooMany } from './declared.ts'
import type { CategoryRegistry } from './registration-ports.ts'
import * as sql from './scope-statements.ts'

export const categoryRegistry = (db: Database): CategoryRegistry => ({
  async read() {
    const text = (await db.prepare(sql.CATEGORIES_AS_TEXT).first<string>('text')) ?? '[]'
    return { categories: JSON.parse(text) as Category[], text }
  },

  async page(after, rows) {
    const [page, whole] = await db.batch([
      db.prepare(sql.PAGE_OF_CATEGORIES).bind(after, rows),
      db.prepare(sql.CATEGORIES_AS_TEXT),
    ])
    const [list] = (whole?.results ?? []) as { text: string }[]
    return { categories: (page?.results ?? []) as Category[], text: list?.text ?? '[]' }
  },

  async replace(expected, categories, { now, actor }) {
    const given = JSON.stringify(categories)
    try {
      const [, recorded, , , after] = await db.batch([
        db.prepare(sql.EXPECT_CATEGORIES).bind(expected),
        db.prepare(sql.RECORD_CATEGORIES).bind(given, now, actor),
        db.prepare(sql.REMOVE_CATEGORIES).bind(given),
        db.prepare(sql.IMPORT_CATEGORIES).bind(given),
        db.prepare(sql.CATEGORIES_AS_TEXT),
      ])
      const [row] = (recorded?.results ?? []) as { detail: string }[]
      const counts = row ? JSON.parse(row.detail) : { added: 0, changed: 0, removed: 0 }
      const [left] = (after?.results ?? []) as { text: string }[]
      return { kind: 'replaced', ...counts, text: left?.text ?? '[]' }
    } catch (fault) {
      if (isStale(fault)) return { kind: 'stale' }
      if (isTooMany(fault)) return { kind: 'too_many' }
      throw fault
    }
  },
})
