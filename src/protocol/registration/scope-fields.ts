/** The fields of scopes and categories, and the bodies that contain them. */

import * as z from 'zod/mini'
import { isEndorsement, MAX_ENDORSEMENT_LENGTH } from '../../domain/category.ts'
import { isRegistryScope } from '../../domain/registry-scopes.ts'
import { isScope, MAX_SCOPE_LENGTH, OFFLINE_ACCESS, SCOPE_RULE } from '../../domain/scope.ts'
import type { Category, NewScope, ScopeFields } from '../../domain/scope-catalogue.ts'
import { declaredForm } from './declared-form.ts'
import { quote } from './errors.ts'
import { checkedText, type FieldTable, filledSchema, flagField, requireValid } from './field.ts'
import { listOf, readList } from './list-body.ts'
import { notDots } from './shared-fields.ts'

/** The schema of a text that people read on a page: the text must not break the page or change the direction of its text. */
export const lineSchema = (maxLength: number) =>
  filledSchema(maxLength).check(
    z.refine((text: string) => !/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u.test(text), {
      error: '{field} must be one line without control characters',
    }),
  )

export const SCOPE_FIELDS: FieldTable<ScopeFields> = {
  sentence: {
    flags: '--sentence <text>',
    help: 'what it allows, for people, as in "Read your files"',
    isRequired: true,
    schema: lineSchema(300),
  },
  selfRegistered: flagField(
    '--self-registered',
    'clients that register themselves may have it without approval',
    'clients that register themselves need approval for it',
  ),
  sensitive: flagField(
    '--sensitive',
    'mark it on the consent page, and never remember consent to it',
    'do not mark it, and remember consent to it',
  ),
}

export const SCOPE_NAME = checkedText(
  MAX_SCOPE_LENGTH,
  isScope,
  (text) => `{field}: ${quote(text)} is not a scope: a scope ${SCOPE_RULE}`,
).check(
  notDots(),
  z.refine((name: string) => name !== OFFLINE_ACCESS, {
    error: '{field} must not be offline_access, which every client may request and none holds',
  }),
  z.refine((name: string) => !isRegistryScope(name), {
    error: '{field} must not begin with registry:, since such scopes are the registry’s own',
  }),
)

export const SCOPE_FORM = declaredForm(
  'name',
  SCOPE_NAME.check(z.describe('the scope: a scope-token of RFC 6749 §3.3')),
  SCOPE_FIELDS,
)

export const SCOPE_IMPORT = listOf(SCOPE_FORM.creation)

/** Throws a RegistrationError that names the field. */
export const readScopeCreation = (value: unknown): NewScope =>
  SCOPE_FORM.newIn(requireValid(SCOPE_FORM.creation, value))

/** Throws a RegistrationError that names the first bad item. */
export const readScopeImport = (value: unknown): readonly NewScope[] =>
  readList(value, readScopeCreation)

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
