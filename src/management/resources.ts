/** `resources`: the services that tokens are for. */

import {
  createResource,
  deleteResource,
  findResource,
  updateResource,
} from '../flows/registration/resources.ts'
import { RESOURCE_FORM } from '../protocol/registration/resource-fields.ts'
import { declaredOperations } from './declared.ts'

export const resourceOperations = declaredOperations({
  form: RESOURCE_FORM,
  path: '/resources',
  name: 'Resource',
  example: {
    uri: 'https://files.example',
    name: 'Your files',
    scopes: ['files:read', 'files:write'],
    access_token_lifetime_seconds: 900,
    require_dpop: false,
    require_pkce: false,
    self_registered: false,
    token_format: 'opaque',
    created_at: '2026-10-01T12:00:00.000Z',
    updated_at: '2026-10-01T12:00:00.000Z',
  },
  verbs: {
    page: ({ ports }, after, rows) => ports.resources.page(after, rows),
    find: findResource,
    create: createResource,
    update: updateResource,
    delete: deleteResource,
  },
  list: { summary: 'List the resources, ordered by URI', response: 'A page of resources.' },
  create: {
    summary: 'Declare a resource',
    description:
      'The URI is kept in its canonical form: scheme and host in lower case, without a default port. The request can be repeated: the same content is 200, other content is 409.',
    bodyExample: { uri: 'https://files.example', name: 'Your files', scopes: ['files:read'] },
    known: 'The resource was there with the same content.',
    response: 'The resource was declared.',
  },
  show: { summary: 'Show a resource', response: 'The resource.' },
  update: {
    summary: 'Change a resource',
    description:
      'A scope that it loses, and a new demand for DPoP, end the access tokens for it. Refresh tokens stay good for what is left. Users are asked again where its name has changed.',
    bodyExample: { require_dpop: true },
  },
  delete: {
    summary: 'Delete a resource and end the access tokens for it',
    description: 'Refused with 409 while it is a default resource of a client.',
    response: 'The resource as it was.',
    problems: ['conflict'],
  },
})
