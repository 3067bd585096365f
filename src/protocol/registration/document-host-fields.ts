/** The fields of a host of client metadata documents. */

import * as z from 'zod/mini'
import {
  canonicalHost,
  type DocumentHostFields,
  HOST_RULE_FORM,
  HOST_RULES,
} from '../../domain/document-host.ts'
import { declaredForm } from './declared-form.ts'
import { quote } from './errors.ts'
import { type FieldTable, oneOfSchema, textSchema } from './field.ts'

/** The host is stored in its canonical form. */
export const documentHostSchema = () =>
  textSchema(1000).check(
    z.refine((text: string) => canonicalHost(text) !== null, {
      error: ({ input }) => `{field}: ${quote(input)} is not a host: it ${HOST_RULE_FORM}`,
    }),
    z.overwrite((text: string) => canonicalHost(text) ?? text),
  )

export const DOCUMENT_HOST_FIELDS: FieldTable<DocumentHostFields> = {
  rule: {
    flags: '--rule <rule>',
    help: 'allow: its documents are accepted; block: they are refused, even if another rule allows the host',
    isRequired: true,
    schema: oneOfSchema(
      HOST_RULES,
      (input) => `{field} ${quote(input)} is neither ${HOST_RULES.join(' nor ')}`,
    ),
  },
}

export const DOCUMENT_HOST_FORM = declaredForm(
  'host',
  documentHostSchema().check(z.describe('a host name, or *. and a domain for all hosts below it')),
  DOCUMENT_HOST_FIELDS,
)
