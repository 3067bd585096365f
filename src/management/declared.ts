/**
 * The operations on what is declared under a key: scopes, resources, hosts of documents. All of them have the same five
 * operations.
 */

import * as z from 'zod/mini'
import type { Act, ExpectedVersion, Outcome } from '../flows/registration/change.ts'
import type { ProblemType } from '../protocol/problem.ts'
import type { DeclaredForm } from '../protocol/registration/declared-form.ts'
import { membersIn } from './documents.ts'
import { Instant, named } from './openapi/schemas.ts'
import type { Operation } from './operation.ts'
import { nextOf, PAGE } from './paging.ts'
import { recordOperations } from './records.ts'

export const MAY_READ_DECLARED = ['registry:read'] as const
export const MAY_DECLARE = ['registry:admin'] as const
/** The size of a whole list: `MAX_DECLARED` items of the greatest length. */
export const MAX_LIST_BYTES = 2 ** 20

type Summary = Readonly<{ summary: string; description?: string }>
type Words = Summary & Readonly<{ response: string }>

type Noun<Key extends string, Fields extends object, Record, Deletion> = Readonly<{
  form: DeclaredForm<Key, Fields>
  path: `/${string}`
  /** The name of the document's component, and a part of the names of the operations. */
  name: string
  example: object
  verbs: Readonly<{
    page: (act: Act, after: string, rows: number) => Promise<readonly Record[]>
    find: (act: Act, key: string) => Promise<Record>
    create: (
      act: Act,
      given: ReturnType<DeclaredForm<Key, Fields>['newIn']>,
    ) => Promise<Outcome<Record> & Readonly<{ isNew: boolean }>>
    update: (
      act: Act,
      key: string,
      fields: Partial<Fields>,
      version: ExpectedVersion,
    ) => Promise<Outcome<Record>>
    delete: (
      act: Act,
      key: string,
      version: ExpectedVersion,
      query: Deletion,
    ) => Promise<Outcome<Record>>
  }>
  list: Words
  /** `known`: the words for the response to a repeated request. */
  create: Words & Readonly<{ bodyExample: object; known: string }>
  show: Words
  update: Summary & Readonly<{ bodyExample: object; response?: string }>
  delete: Words & Readonly<{ query?: z.core.$ZodType<Deletion>; problems?: readonly ProblemType[] }>
}>

export function declaredOperations<
  Key extends string,
  Fields extends object,
  Record extends Fields & { readonly [key in Key]: string } & Readonly<{
      version: number
      createdAt: number
      updatedAt: number
    }>,
  Deletion = object,
>(about: Noun<Key, Fields, Record, Deletion>): readonly Operation[] {
  const { form, path, name, example, verbs, list, create, show, update } = about
  const { key, documentOf } = form
  const document = z.strictObject({
    [key]: z.string(),
    ...membersIn(form.fields),
    created_at: Instant,
    updated_at: Instant,
  })
  const records = recordOperations<Record>({
    ...{ path, key, name, documentOf, example },
    document: named(name, document),
    mayRead: MAY_READ_DECLARED,
    mayChange: MAY_DECLARE,
  })
  return [
    records.list({
      ...list,
      query: z.strictObject(PAGE),
      async handle({ query: { limit, after = '' }, act }) {
        const page = await verbs.page(act, after, limit)
        return { records: page, next: nextOf(page, limit, (record) => record[key]) }
      },
    }),
    records.create({
      ...create,
      body: named(`${name}Creation`, form.creation),
      handle: ({ act, body }) => verbs.create(act, form.newIn(body)),
    }),
    records.show({ ...show, handle: ({ act, key }) => verbs.find(act, key) }),
    records.change({
      ...update,
      method: 'PATCH',
      name: `update${name}`,
      body: named(`${name}Change`, form.update),
      handle: ({ act, key, body, version }) => verbs.update(act, key, form.changeIn(body), version),
    }),
    records.change<Deletion>({
      ...about.delete,
      method: 'DELETE',
      name: `delete${name}`,
      handle: ({ act, key, query, version }) => verbs.delete(act, key, version, query),
    }),
  ]
}
