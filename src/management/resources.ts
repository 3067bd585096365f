/** `resources`: what tokens are for. */

import * as z from 'zod/mini'
import type { ResourceRecord } from '../domain/resource.ts'
import {
  createResource,
  deleteResource,
  findResource,
  updateResource,
} from '../flows/registration/resources.ts'
import {
  newResourceIn,
  RESOURCE_CREATION,
  RESOURCE_UPDATE,
  resourceChangeIn,
  resourceDocument,
} from '../protocol/registration/resource-fields.ts'
import { changedBy, NOTES, RESOURCE_EXAMPLE, ResourceDocument } from './documents.ts'
import { named } from './openapi/schemas.ts'
import { operation } from './operation.ts'
import { PAGE, pageOf, pageSchema } from './paging.ts'
import { MAY_DECLARE, MAY_READ_DECLARED } from './scopes.ts'

const noun = 'resources'

const Changed = named('ChangedResource', z.extend(ResourceDocument, NOTES))

const changed = changedBy(resourceDocument)

const answer = (description: string) => ({
  description,
  schema: Changed,
  example: RESOURCE_EXAMPLE,
})

export const resourceOperations = [
  operation({
    method: 'GET',
    path: '/resources',
    name: 'listResources',
    noun,
    summary: 'List the resources, ordered by URI',
    scopes: MAY_READ_DECLARED,
    query: z.strictObject(PAGE),
    answers: {
      200: {
        description: 'A page of resources.',
        schema: pageSchema(ResourceDocument),
        example: { items: [RESOURCE_EXAMPLE], next: null },
      },
    },
    async handle({ query: { limit, after = '' }, act }) {
      const rows = await act.ports.resources.page(after, limit)
      const cursorOf = ({ uri }: ResourceRecord) => uri
      return { body: pageOf(rows, limit, { documentOf: resourceDocument, cursorOf }) }
    },
  }),
  operation({
    method: 'POST',
    path: '/resources',
    name: 'createResource',
    noun,
    summary: 'Declare a resource',
    description:
      'The URI is kept in its canonical form: scheme and host in lower case, without a default port. The request can be repeated: the same content is 200, other content is 409.',
    scopes: MAY_DECLARE,
    body: named('ResourceCreation', RESOURCE_CREATION),
    bodyExample: { uri: 'https://files.example', name: 'Your files', scopes: ['files:read'] },
    answers: {
      200: answer('The resource was there with the same content.'),
      201: answer('The resource was declared.'),
    },
    hasVersion: true,
    problems: ['conflict'],
    async handle({ act, body }) {
      const created = await createResource(act, newResourceIn(body))
      const known = changed(created)
      if (!created.isNew) return known
      const location = `/resources/${encodeURIComponent(created.record.uri)}`
      return { ...known, status: 201, location }
    },
  }),
  operation({
    method: 'GET',
    path: '/resources/{uri}',
    name: 'getResource',
    noun,
    summary: 'Show a resource',
    scopes: MAY_READ_DECLARED,
    answers: {
      200: { description: 'The resource.', schema: ResourceDocument, example: RESOURCE_EXAMPLE },
    },
    hasVersion: true,
    problems: ['not_found'],
    async handle({ act, parameters: { uri = '' } }) {
      const resource = await findResource(act, uri)
      return { body: resourceDocument(resource), version: resource.version }
    },
  }),
  operation({
    method: 'PATCH',
    path: '/resources/{uri}',
    name: 'updateResource',
    noun,
    summary: 'Change a resource',
    description:
      'A scope that it loses, and a new demand for DPoP, end the access tokens for it. Refresh tokens stay good for what is left. Users are asked again where its name has changed.',
    scopes: MAY_DECLARE,
    body: named('ResourceChange', RESOURCE_UPDATE),
    bodyExample: { require_dpop: true },
    isConditional: true,
    answers: { 200: answer('The resource as it is now.') },
    problems: ['not_found'],
    handle: async ({ act, parameters: { uri = '' }, body, ifMatch }) =>
      changed(await updateResource(act, uri, resourceChangeIn(body), ifMatch.version)),
  }),
  operation({
    method: 'DELETE',
    path: '/resources/{uri}',
    name: 'deleteResource',
    noun,
    summary: 'Delete a resource and end the access tokens for it',
    description: 'Refused with 409 while it is a default resource of a client.',
    scopes: MAY_DECLARE,
    isConditional: true,
    answers: { 200: answer('The resource as it was.') },
    problems: ['not_found', 'conflict'],
    async handle({ act, parameters: { uri = '' }, ifMatch }) {
      return { body: changed(await deleteResource(act, uri, ifMatch.version)).body }
    },
  }),
]
