/** The operations of what is declared under a key: scopes, resources, hosts of documents. All have the same five. */

import * as z from 'zod/mini'
import type { Act, ExpectedVersion, Outcome } from '../flows/registration/change.ts'
import type { ProblemType } from '../protocol/problem.ts'
import type { DeclaredForm } from '../protocol/registration/declared-form.ts'
import { changedBy, createdAt, membersIn, NOTES } from './documents.ts'
import { Instant, named } from './openapi/schemas.ts'
import { type Operation, operation } from './operation.ts'
import { PAGE, pageAnswer, pageOf } from './paging.ts'

export const MAY_READ_DECLARED = ['registry:read'] as const
export const MAY_DECLARE = ['registry:admin'] as const
/** For a whole list: `MAX_DECLARED` items of the greatest length. */
export const MAX_LIST_BYTES = 2 ** 20

type Words = Readonly<{ summary: string; description?: string; answer: string }>
type WithBody = Words & Readonly<{ example: object }>

type Noun<Key extends string, Fields extends object, Record, Deletion> = Readonly<{
  form: DeclaredForm<Key, Fields>
  path: `/${string}`
  /** The component of the document, and a part of the names of the operations. */
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
  /** `known`: of a request that is repeated. */
  create: WithBody & Readonly<{ known: string }>
  show: Words
  update: WithBody
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
  const document = named(
    name,
    z.strictObject({
      [key]: z.string(),
      ...membersIn(form.fields),
      created_at: Instant,
      updated_at: Instant,
    }),
  )
  const schema = named(`Changed${name}`, z.extend(document, NOTES))
  const answer = (description: string) => ({ description, schema, example })
  const changed = changedBy<Record>(documentOf)
  const one = `${path}/{${key}}` as const
  const words = ({ summary, description }: Words) => ({
    summary,
    ...(description !== undefined && { description }),
  })
  return [
    operation({
      ...words(list),
      method: 'GET',
      path,
      name: `list${name}s`,
      scopes: MAY_READ_DECLARED,
      query: z.strictObject(PAGE),
      answers: pageAnswer(list.answer, document, example),
      async handle({ query: { limit, after = '' }, act }) {
        const rows = await verbs.page(act, after, limit)
        return { body: pageOf(rows, limit, { documentOf, cursorOf: (record) => record[key] }) }
      },
    }),
    operation({
      ...words(create),
      method: 'POST',
      path,
      name: `create${name}`,
      scopes: MAY_DECLARE,
      body: named(`${name}Creation`, form.creation),
      bodyExample: create.example,
      answers: { 200: answer(create.known), 201: answer(create.answer) },
      hasVersion: true,
      problems: ['conflict'],
      async handle({ act, body }) {
        const created = await verbs.create(act, form.newIn(body))
        return createdAt(path, created.record[key], created.isNew, changed(created))
      },
    }),
    operation({
      ...words(show),
      method: 'GET',
      path: one,
      name: `get${name}`,
      scopes: MAY_READ_DECLARED,
      answers: { 200: { description: show.answer, schema: document, example } },
      hasVersion: true,
      async handle({ act, parameters }) {
        const record = await verbs.find(act, parameters[key] ?? '')
        return { body: documentOf(record), version: record.version }
      },
    }),
    operation({
      ...words(update),
      method: 'PATCH',
      path: one,
      name: `update${name}`,
      scopes: MAY_DECLARE,
      body: named(`${name}Change`, form.update),
      bodyExample: update.example,
      isConditional: true,
      answers: { 200: answer(update.answer) },
      handle: async ({ act, parameters, body, version }) =>
        changed(await verbs.update(act, parameters[key] ?? '', form.changeIn(body), version)),
    }),
    operation<Deletion>({
      ...words(about.delete),
      method: 'DELETE',
      path: one,
      name: `delete${name}`,
      scopes: MAY_DECLARE,
      ...(about.delete.query && { query: about.delete.query }),
      isConditional: true,
      answers: { 200: answer(about.delete.answer) },
      ...(about.delete.problems && { problems: about.delete.problems }),
      async handle({ act, parameters, query, version }) {
        return changed(await verbs.delete(act, parameters[key] ?? '', version, query))
      },
    }),
  ]
}
