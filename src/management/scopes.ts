/** `scopes`: what people read about them, and which are sensitive. */

import * as z from 'zod/mini'
import type { ScopeRecord } from '../domain/declaration.ts'
import {
  createScope,
  deleteScope,
  findScope,
  importScopes,
  updateScope,
} from '../flows/registration/scopes.ts'
import {
  newScopeIn,
  readScopeImport,
  SCOPE_CREATION,
  SCOPE_IMPORT,
  SCOPE_UPDATE,
  scopeChangeIn,
  scopeDocument,
} from '../protocol/registration/scope-fields.ts'
import { changedBy, NOTES, SCOPE_EXAMPLE, ScopeDocument } from './documents.ts'
import { named, parameterAs } from './openapi/schemas.ts'
import { operation } from './operation.ts'
import { PAGE, pageOf, pageSchema } from './paging.ts'

const noun = 'scopes'
export const MAY_READ_DECLARED = ['registry:read'] as const
export const MAY_DECLARE = ['registry:admin'] as const
/** For a whole list: `MAX_DECLARED` items of the greatest length. */
export const MAX_LIST_BYTES = 2 ** 20

const Changed = named('ChangedScope', z.extend(ScopeDocument, NOTES))

const changed = changedBy(scopeDocument)

const answer = {
  200: { description: 'The scope as it is now.', schema: Changed, example: SCOPE_EXAMPLE },
}

const Withdraw = z.strictObject({
  withdraw: parameterAs(
    { type: 'boolean', default: false },
    z._default(
      z
        .enum(['true', 'false'], '{field} must be true or false')
        .check(z.describe('take it from every client and user first, which ends their tokens')),
      'false',
    ),
  ),
})

export const scopeOperations = [
  operation({
    method: 'GET',
    path: '/scopes',
    name: 'listScopes',
    noun,
    summary: 'List the declared scopes, ordered by name',
    scopes: MAY_READ_DECLARED,
    query: z.strictObject(PAGE),
    answers: {
      200: {
        description: 'A page of scopes.',
        schema: pageSchema(ScopeDocument),
        example: { items: [SCOPE_EXAMPLE], next: null },
      },
    },
    async handle({ query: { limit, after = '' }, act }) {
      const rows = await act.ports.scopes.page(after, limit)
      const cursorOf = ({ name }: ScopeRecord) => name
      return { body: pageOf(rows, limit, { documentOf: scopeDocument, cursorOf }) }
    },
  }),
  operation({
    method: 'POST',
    path: '/scopes',
    name: 'createScope',
    noun,
    summary: 'Declare a scope',
    description:
      'The request can be repeated: the same content is 200, other content is 409. A scope that is not declared works too: the consent page shows its name.',
    scopes: MAY_DECLARE,
    body: named('ScopeCreation', SCOPE_CREATION),
    hasVersion: true,
    bodyExample: { name: 'submission:read', sentence: 'See your submissions' },
    answers: {
      200: {
        description: 'The scope was declared with the same content.',
        schema: Changed,
        example: SCOPE_EXAMPLE,
      },
      201: { description: 'The scope was declared.', schema: Changed, example: SCOPE_EXAMPLE },
    },
    problems: ['conflict'],
    async handle({ act, body }) {
      const created = await createScope(act, newScopeIn(body))
      const known = changed(created)
      if (!created.isNew) return known
      return {
        ...known,
        status: 201,
        location: `/scopes/${encodeURIComponent(created.record.name)}`,
      }
    },
  }),
  operation({
    method: 'PATCH',
    path: '/scopes',
    name: 'importScopes',
    noun,
    summary: 'Declare many scopes at once',
    description:
      'All or none. A declared scope becomes as given, and scopes that are not named stay. Users are asked again where a sentence has changed.',
    scopes: MAY_DECLARE,
    body: SCOPE_IMPORT,
    maxBodyBytes: MAX_LIST_BYTES,
    bodyExample: { items: [{ name: 'submission:read', sentence: 'See your submissions' }] },
    answers: {
      200: {
        description: 'The names of the scopes that were declared, and of those that were changed.',
        schema: z.strictObject({ created: z.array(z.string()), updated: z.array(z.string()) }),
        example: { created: ['submission:read'], updated: [] },
      },
    },
    problems: ['conflict'],
    async handle({ act, body }) {
      const { created, updated } = await importScopes(act, readScopeImport(body))
      return { body: { created, updated } }
    },
  }),
  operation({
    method: 'GET',
    path: '/scopes/{name}',
    name: 'getScope',
    noun,
    summary: 'Show what is declared of a scope',
    scopes: MAY_READ_DECLARED,
    answers: {
      200: { description: 'The scope.', schema: ScopeDocument, example: SCOPE_EXAMPLE },
    },
    hasVersion: true,
    problems: ['not_found'],
    async handle({ act, parameters: { name = '' } }) {
      const scope = await findScope(act, name)
      return { body: scopeDocument(scope), version: scope.version }
    },
  }),
  operation({
    method: 'PATCH',
    path: '/scopes/{name}',
    name: 'updateScope',
    noun,
    summary: 'Change what is declared of a scope',
    description: 'Users are asked again where its sentence has changed.',
    scopes: MAY_DECLARE,
    body: named('ScopeChange', SCOPE_UPDATE),
    bodyExample: { sensitive: true },
    isConditional: true,
    answers: answer,
    problems: ['not_found'],
    handle: async ({ act, parameters: { name = '' }, body, ifMatch }) =>
      changed(await updateScope(act, name, scopeChangeIn(body), ifMatch.version)),
  }),
  operation({
    method: 'DELETE',
    path: '/scopes/{name}',
    name: 'deleteScope',
    noun,
    summary: 'Remove the declaration of a scope',
    description:
      'Refused with 409 while a client or a user holds it, with or without a resource, unless withdraw is true.',
    scopes: MAY_DECLARE,
    query: Withdraw,
    isConditional: true,
    answers: {
      200: { description: 'The scope as it was.', schema: Changed, example: SCOPE_EXAMPLE },
    },
    problems: ['not_found', 'conflict'],
    async handle({ act, parameters: { name = '' }, query, ifMatch }) {
      const withdraws = query.withdraw === 'true'
      return { body: changed(await deleteScope(act, name, withdraws, ifMatch.version)).body }
    },
  }),
]
