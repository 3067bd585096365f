/** `scopes`: the sentences that people read about scopes, and which scopes are sensitive. */

import * as z from 'zod/mini'
import {
  createScope,
  deleteScope,
  findScope,
  importScopes,
  updateScope,
} from '../flows/registration/scopes.ts'
import { readScopeImport, SCOPE_FORM, SCOPE_IMPORT } from '../protocol/registration/scope-fields.ts'
import { declaredOperations, MAX_LIST_BYTES, MAY_DECLARE } from './declared.ts'
import { described, parameterAs } from './openapi/schemas.ts'
import { operation } from './operation.ts'

const Withdraw = z.strictObject({
  withdraw: parameterAs(
    { type: 'boolean', default: false },
    z._default(
      described(
        'take it from every client and user first, which ends their tokens',
        z.enum(['true', 'false'], '{field} must be true or false'),
      ),
      'false',
    ),
  ),
})

export const scopeOperations = [
  ...declaredOperations({
    form: SCOPE_FORM,
    path: '/scopes',
    name: 'Scope',
    example: {
      name: 'submission:read',
      sentence: 'See your submissions',
      self_registered: false,
      sensitive: false,
      created_at: '2026-10-01T12:00:00.000Z',
      updated_at: '2026-10-01T12:00:00.000Z',
    },
    verbs: {
      page: ({ ports }, after, rows) => ports.scopes.page(after, rows),
      find: findScope,
      create: createScope,
      update: updateScope,
      delete: (act, name, version, { withdraw }: z.output<typeof Withdraw>) =>
        deleteScope(act, name, withdraw === 'true', version),
    },
    list: { summary: 'List the declared scopes, ordered by name', response: 'A page of scopes.' },
    create: {
      summary: 'Declare a scope',
      description:
        'The request can be repeated: the same content is 200, other content is 409. A scope that is not declared works too: the consent page shows its name.',
      bodyExample: { name: 'submission:read', sentence: 'See your submissions' },
      known: 'The scope was declared with the same content.',
      response: 'The scope was declared.',
    },
    show: { summary: 'Show the declaration of a scope', response: 'The scope.' },
    update: {
      summary: 'Change the declaration of a scope',
      description: 'Users are asked again when its sentence changes.',
      bodyExample: { sensitive: true },
    },
    delete: {
      summary: 'Remove the declaration of a scope',
      description:
        'Refused with 409 while a client or a user holds it, with or without a resource, unless withdraw is true.',
      response: 'The scope as it was.',
      query: Withdraw,
      problems: ['conflict'],
    },
  }),
  operation({
    method: 'PATCH',
    path: '/scopes',
    name: 'importScopes',
    summary: 'Declare many scopes at once',
    description:
      'All or none. A declared scope becomes as given, and scopes that are not named stay. Users are asked again where a sentence has changed.',
    scopes: MAY_DECLARE,
    body: SCOPE_IMPORT,
    maxBodyBytes: MAX_LIST_BYTES,
    bodyExample: { items: [{ name: 'submission:read', sentence: 'See your submissions' }] },
    responses: {
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
]
