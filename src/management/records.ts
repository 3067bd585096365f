/**
 * The operations on one kind of record, which has a key, a version and a document: list, create, show, and changes of one
 * record. This file has what all kinds have in common; `clients.ts`, `users.ts` and `declared.ts` have the rest.
 */

import * as z from 'zod/mini'
import type { Outcome } from '../flows/registration/change.ts'
import { described, named } from './openapi/schemas.ts'
import { type Described, type None, type Operation, operation } from './operation.ts'
import { pageResponse } from './paging.ts'

/** What people should know of a change, such as a wider permission that is still held. Absent if there is nothing to say. */
export const NOTES = {
  notes: z.optional(described('what a person should know', z.array(z.string()))),
}

export const notesIn = ({ notes }: Pick<Outcome<unknown>, 'notes'>) =>
  notes.length > 0 ? { notes } : {}

type Kind<Kept> = Readonly<{
  path: `/${string}`
  /** The parameter of the path, and the member of the document. */
  key: string
  /** The name of the document's component, and a part of the names of the operations. */
  name: string
  document: z.ZodMiniObject
  documentOf: (record: Kept) => Readonly<Record<string, unknown>>
  example: object
  mayRead: Operation['scopes']
  mayChange: Operation['scopes']
}>

/** What an operation has of its own. `response`: what a successful response has. */
type Row<Query, Body, Made> = Omit<
  Described<Query, Body, Made>,
  'method' | 'path' | 'name' | 'scopes' | 'responses'
> &
  Readonly<{ response: string }>

type Change<Query, Body, Made> = Omit<Row<Query, Body, Made>, 'response'> &
  Pick<Described<Query, Body>, 'method' | 'name'> &
  Partial<Pick<Described<Query, Body>, 'scopes'>> &
  Readonly<{
    response?: string
    /** The end of the path, after the key. An operation without it changes the record itself. */
    part?: `/${string}`
  }>

type Creation<Body, Made> = Row<None, Body, Made> &
  Readonly<{
    /** The words for the response if the record existed already with the same content. */
    known: string
    /** Members that only the response to the first request has. */
    once?: Readonly<{ members: Record<string, z.ZodMiniType>; example: object }>
  }>

export function recordOperations<Kept extends Readonly<{ version: number }>>(kind: Kind<Kept>) {
  const { path, key, name, document, documentOf, example, mayRead, mayChange } = kind
  const one = `${path}/{${key}}` as const
  const schema = named(`Changed${name}`, z.extend(document, NOTES))
  const changed = (description: string) => ({ description, schema, example })
  const resultOf = ({ record, notes }: Outcome<Kept>) => {
    const body: Readonly<Record<string, unknown>> = { ...documentOf(record), ...notesIn({ notes }) }
    return { body, version: record.version }
  }
  type Page = Readonly<{ records: readonly Kept[]; next: string | null }>
  type Created = Outcome<Kept> & Readonly<{ isNew: boolean; once?: object }>
  return {
    list: <Query>({ response, handle, ...row }: Row<Query, null, Page>) =>
      operation<Query>({
        ...row,
        method: 'GET',
        path,
        name: `list${name}s`,
        scopes: mayRead,
        responses: pageResponse(response, document, example),
        async handle(call, deps) {
          const { records, next } = await handle(call, deps)
          return { body: { items: records.map(documentOf), next } }
        },
      }),

    create: <Body>({ known, response, once, handle, ...row }: Creation<Body, Created>) =>
      operation<None, Body>({
        problems: ['conflict'],
        ...row,
        method: 'POST',
        path,
        name: `create${name}`,
        scopes: mayChange,
        responses: {
          200: changed(known),
          201: {
            ...changed(response),
            ...(once && {
              schema: named(`Created${name}`, z.extend(schema, once.members)),
              example: { ...example, ...once.example },
            }),
          },
        },
        hasVersion: true,
        async handle(call, deps) {
          const created = await handle(call, deps)
          const { body, version } = resultOf(created)
          if (!created.isNew) return { body, version }
          const location = `${path}/${encodeURIComponent(String(body[key]))}`
          return { status: 201, body: { ...body, ...created.once }, version, location }
        },
      }),

    show: <Query = None>({ response, handle, ...row }: Row<Query, null, Kept>) =>
      operation<Query>({
        ...row,
        method: 'GET',
        path: one,
        name: `get${name}`,
        scopes: mayRead,
        responses: { 200: { description: response, schema: document, example } },
        hasVersion: true,
        async handle(call, deps) {
          const record = await handle(call, deps)
          return { body: documentOf(record), version: record.version }
        },
      }),

    change: <Query = None, Body = null>({
      response = `The ${name.toLowerCase()} as it is now.`,
      part,
      handle,
      ...row
    }: Change<Query, Body, Outcome<Kept>>) =>
      operation<Query, Body>({
        scopes: mayChange,
        ...row,
        path: part === undefined ? one : `${one}${part}`,
        isConditional: true,
        responses: { 200: changed(response) },
        handle: async (call, deps) => resultOf(await handle(call, deps)),
      }),
  }
}
