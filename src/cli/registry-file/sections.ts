/** The sections of a registry file. A new row here adds a noun to `export` and `apply`. */

import { withoutCovered } from '../../domain/category.ts'
import { defaultLifetimeOf } from '../../domain/resource.ts'
import { usernameKey } from '../../domain/user.ts'
import {
  DOCUMENT_HOST_FIELDS,
  documentHostSchema,
} from '../../protocol/registration/document-host-fields.ts'
import { RESOURCE_FIELDS } from '../../protocol/registration/resource-fields.ts'
import { CATEGORY, SCOPE_FIELDS, SCOPE_NAME } from '../../protocol/registration/scope-fields.ts'
import { idSchema, resourceUriSchema } from '../../protocol/registration/shared-fields.ts'
import { USER_FIELDS, USER_LISTS } from '../../protocol/registration/user-fields.ts'
import { CLIENTS } from './client-section.ts'
import {
  completed,
  declaredScopes,
  fromTables,
  listIn,
  PLAIN,
  type Section,
  without,
} from './section.ts'

const SCOPES: Section = {
  ...PLAIN,
  name: 'scopes',
  path: '/scopes',
  noun: 'scope',
  id: 'name',
  ...fromTables('name', { idSchema: SCOPE_NAME, fields: SCOPE_FIELDS }),
  isReferredTo: true,
}

const RESOURCES: Section = {
  ...PLAIN,
  name: 'resources',
  path: '/resources',
  noun: 'resource',
  id: 'uri',
  ...fromTables('uri', { idSchema: resourceUriSchema(), fields: RESOURCE_FIELDS }),
  complete: async (checked) => {
    const format = checked.token_format === 'jwt' ? 'jwt' : 'opaque'
    const access_token_lifetime_seconds = defaultLifetimeOf(format)
    return completed({ access_token_lifetime_seconds, ...checked })
  },
  isReferredTo: true,
}

const CATEGORIES: Section = {
  ...PLAIN,
  name: 'categories',
  path: '/categories',
  noun: 'category',
  id: 'name',
  members: ['name', 'title'],
  schema: CATEGORY,
  defaults: {},
  entryOf: ({ name, title }) => ({ name, title }),
  isOneList: true,
}

const DOCUMENT_HOSTS: Section = {
  ...PLAIN,
  name: 'document_hosts',
  path: '/document-hosts',
  noun: 'document host',
  id: 'host',
  ...fromTables('host', { idSchema: documentHostSchema(), fields: DOCUMENT_HOST_FIELDS }),
}

const USERS: Section = {
  ...PLAIN,
  name: 'users',
  path: '/users',
  noun: 'user',
  id: 'user_id',
  ...fromTables('user_id', {
    idSchema: idSchema(),
    fields: USER_FIELDS,
    lists: USER_LISTS,
    hasState: true,
  }),
  complete: async (checked) =>
    completed({ ...checked, endorsements: withoutCovered(listIn(checked, 'endorsements')) }),
  otherName: { field: 'username', keyOf: (entry) => usernameKey(String(entry.username)) },
  refersTo: (entry) => ({ scopes: declaredScopes(listIn(entry, 'scopes')) }),
  // The user cannot sign in before a password is set, and by then the user is disabled if the file says so.
  firstBody: (after) => without(after, ['disabled']),
}

/** The sections are in the order in which they are applied. */
export const SECTIONS: readonly Section[] = [
  SCOPES,
  RESOURCES,
  CATEGORIES,
  DOCUMENT_HOSTS,
  CLIENTS,
  USERS,
]
