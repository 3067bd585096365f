/** `categories`: the titles of archives and categories. They are one list, which is replaced as a whole. */

import * as z from 'zod/mini'
import { pageOfCategories, replaceCategories } from '../flows/registration/categories.ts'
import { CATEGORY_IMPORT, readCategoryImport } from '../protocol/registration/scope-fields.ts'
import { MAX_LIST_BYTES, MAY_DECLARE, MAY_READ_DECLARED } from './declared.ts'
import { named } from './openapi/schemas.ts'
import { operation } from './operation.ts'
import { nextOf, PAGE, pageResponse } from './paging.ts'

const CategoryDocument = named('Category', z.strictObject({ name: z.string(), title: z.string() }))
const EXAMPLE = { name: 'cs.DL', title: 'Digital Libraries' }

export const categoryOperations = [
  operation({
    method: 'GET',
    path: '/categories',
    name: 'listCategories',
    summary: 'List the declared categories, ordered by name',
    description: 'The ETag is that of the whole list.',
    scopes: MAY_READ_DECLARED,
    query: z.strictObject(PAGE),
    hasVersion: true,
    responses: pageResponse('A page of categories.', CategoryDocument, EXAMPLE),
    async handle({ query: { limit, after = '' }, act }) {
      const { categories, version } = await pageOfCategories(act, after, limit)
      const items = categories.map(({ name, title }) => ({ name, title }))
      return { body: { items, next: nextOf(items, limit, ({ name }) => name) }, version }
    },
  }),
  operation({
    method: 'PUT',
    path: '/categories',
    name: 'replaceCategories',
    summary: 'Replace the list of categories',
    description: 'Categories that are not in the list are no longer declared. Endorsements stay.',
    scopes: MAY_DECLARE,
    body: CATEGORY_IMPORT,
    maxBodyBytes: MAX_LIST_BYTES,
    bodyExample: { items: [{ name: 'cs', title: 'Computer Science' }, EXAMPLE] },
    isConditional: true,
    responses: {
      200: {
        description: 'How many were added, given another title and removed.',
        schema: z.strictObject({ added: z.int(), changed: z.int(), removed: z.int() }),
        example: { added: 2, changed: 0, removed: 0 },
      },
    },
    problems: ['conflict'],
    async handle({ act, body, version }) {
      const replaced = await replaceCategories(act, readCategoryImport(body), version)
      const { added, changed, removed } = replaced
      return { body: { added, changed, removed }, version: replaced.version }
    },
  }),
]
