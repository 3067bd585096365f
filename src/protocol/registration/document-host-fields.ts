/** What is kept of a host of client metadata documents, and the bodies and documents with it. */

import * as z from 'zod/mini'
import {
  canonicalHost,
  type DocumentHostFields,
  type DocumentHostRecord,
  HOST_RULE_FORM,
  HOST_RULES,
  type NewDocumentHost,
} from '../../domain/document-host.ts'
import { quote } from './errors.ts'
import {
  type Fields,
  fieldsIn,
  isoTime,
  membersOf,
  oneOfSchema,
  shown,
  textSchema,
} from './field.ts'

/** Kept in the canonical form. */
export const documentHostSchema = () =>
  textSchema(1000).check(
    z.refine((text: string) => canonicalHost(text) !== null, {
      error: ({ input }) => `{field}: ${quote(input)} is not a host: it ${HOST_RULE_FORM}`,
    }),
    z.overwrite((text: string) => canonicalHost(text) ?? text),
  )

export const DOCUMENT_HOST_FIELDS: Fields<DocumentHostFields> = {
  rule: {
    flags: '--rule <rule>',
    help: 'allow: its documents are accepted; block: they are refused, whatever else covers the host',
    isRequired: true,
    schema: oneOfSchema(
      HOST_RULES,
      (input) => `{field} ${quote(input)} is neither ${HOST_RULES.join(' nor ')}`,
    ),
  },
}

/** The body that lists a host. */
export const DOCUMENT_HOST_CREATION = z.strictObject({
  host: documentHostSchema().check(
    z.describe('a host name, or *. and a domain for all hosts below it'),
  ),
  ...membersOf(DOCUMENT_HOST_FIELDS, true),
})

/** The body that changes the rule of a listed host. */
export const DOCUMENT_HOST_UPDATE = z.strictObject(membersOf(DOCUMENT_HOST_FIELDS, false))

/** What a body means that `DOCUMENT_HOST_CREATION` has checked. */
export const newDocumentHostIn = (
  body: z.infer<typeof DOCUMENT_HOST_CREATION>,
): NewDocumentHost => ({
  host: body.host,
  ...(fieldsIn(DOCUMENT_HOST_FIELDS, body) as DocumentHostFields),
})

/** What a body means that `DOCUMENT_HOST_UPDATE` has checked. */
export const documentHostChangeIn = (
  body: z.infer<typeof DOCUMENT_HOST_UPDATE>,
): Partial<DocumentHostFields> => fieldsIn(DOCUMENT_HOST_FIELDS, body)

export const documentHostDocument = (listed: DocumentHostRecord) => ({
  host: listed.host,
  ...shown('inDocument', DOCUMENT_HOST_FIELDS, listed),
  created_at: isoTime(listed.createdAt),
  updated_at: isoTime(listed.updatedAt),
})
