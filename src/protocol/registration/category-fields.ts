/** What is declared of a category, and the bodies with it. */

import * as z from 'zod/mini'
import { isEndorsement, MAX_ENDORSEMENT_LENGTH } from '../../domain/category.ts'
import type { Category } from '../../domain/declaration.ts'
import { quote } from './errors.ts'
import { checkedText, requireValid } from './field.ts'
import { listOf, readList } from './list-body.ts'
import { lineSchema } from './scope-fields.ts'

const isCategory = (name: string) => isEndorsement(name) && !name.includes('*')

const nameSchema = checkedText(
  MAX_ENDORSEMENT_LENGTH,
  isCategory,
  (text) => `{field}: ${quote(text)} is neither an archive (cs) nor a category (cs.DL)`,
)

export const CATEGORY = z.strictObject({
  name: nameSchema.check(z.describe('an archive (cs) or a category (cs.DL)')),
  title: lineSchema(200).check(z.describe('its name for people')),
})

/** The body that replaces the list. */
export const CATEGORY_IMPORT = listOf(CATEGORY)

export const readCategory = (value: unknown): Category => requireValid(CATEGORY, value)

/** Throws a RegistrationError that names the first bad item. */
export const readCategoryImport = (value: unknown): readonly Category[] =>
  readList(value, readCategory)
