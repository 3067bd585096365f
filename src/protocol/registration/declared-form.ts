/**
 * What is declared under a key of the administrator's choice (a scope, a resource, a host): its bodies, its document, its
 * words in the audit.
 */

import * as z from 'zod/mini'
import { type FieldTable, fieldsIn, isoTime, membersOf, type Schema, shown } from './field.ts'

type Keyed<Key extends string> = { readonly [key in Key]: string }
type Dated = Readonly<{ createdAt: number; updatedAt: number }>

export type DeclaredForm<Key extends string, T extends object> = ReturnType<
  typeof declaredForm<Key, T>
>

/** `keySchema`: the schema of the key in the body that declares. */
export function declaredForm<Key extends string, T extends object>(
  key: Key,
  keySchema: Schema,
  fields: FieldTable<T>,
) {
  const keyed = (value: unknown) => ({ [key]: value }) as Keyed<Key>
  return {
    key,
    fields,
    creation: z.strictObject({ [key]: keySchema, ...membersOf(fields, true) }),
    update: z.strictObject(membersOf(fields, false)),

    /** Reads a body that `creation` has checked. */
    newIn: (body: Readonly<Record<string, unknown>>): T & Keyed<Key> => ({
      ...keyed(body[key]),
      ...(fieldsIn(fields, body) as T),
    }),

    /** Reads a body that `update` has checked. */
    changeIn: (body: Readonly<Record<string, unknown>>): Partial<T> => fieldsIn(fields, body),

    documentOf: (record: T & Keyed<Key> & Dated) => ({
      ...keyed(record[key]),
      ...shown('inDocument', fields, record),
      created_at: isoTime(record.createdAt),
      updated_at: isoTime(record.updatedAt),
    }),

    auditOf: (value: string, given: Partial<T>) => ({
      ...keyed(value),
      ...shown('inAudit', fields, given),
    }),
  }
}
