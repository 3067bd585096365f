/** What is kept of a resource, and the bodies and documents with it. */

import * as z from 'zod/mini'
import { isRegistryScope } from '../../domain/registry-scopes.ts'
import {
  defaultLifetimeOf,
  MAX_SIGNED_TOKEN_SECONDS,
  type NewResource,
  RESOURCE_TOKEN_SECONDS,
  type ResourceFields,
  type ResourceRecord,
  SIGNED_TOKEN_SECONDS,
  TOKEN_FORMATS,
} from '../../domain/resource.ts'
import { OFFLINE_ACCESS } from '../../domain/scope.ts'
import { quote } from './errors.ts'
import {
  type Fields,
  fieldsIn,
  flagSchema,
  isoTime,
  membersOf,
  oneOfSchema,
  shown,
} from './field.ts'
import { LIFETIME_FIELD } from './lifetime-field.ts'
import { lineSchema } from './scope-fields.ts'
import { resourceUriSchema, scopesField } from './shared-fields.ts'

const mayBeOfAService = (scopes: readonly unknown[]) =>
  !scopes.some((scope) => scope === OFFLINE_ACCESS || isRegistryScope(String(scope)))

const scopes = scopesField(
  'a scope that belongs to it; domain:action stands for itself with every resource id too',
)

export const RESOURCE_FIELDS: Fields<ResourceFields> = {
  name: {
    flags: '--name <name>',
    help: 'what users know it by',
    isRequired: true,
    schema: lineSchema(300),
  },
  scopes: {
    ...scopes,
    isRequired: true,
    schema: scopes.schema.check(
      z.minLength(1, { error: '{field}: a resource needs a scope, or no token could be for it' }),
      z.refine(mayBeOfAService, {
        error:
          '{field} must not be offline_access or begin with registry:, since such scopes are the registry’s own',
      }),
    ),
  },
  accessTokenLifetimeSeconds: {
    ...LIFETIME_FIELD,
    help: `how long access tokens for it live, from now on: 60 or more, and never longer than SESSION_LIFETIME_SECONDS, or ${MAX_SIGNED_TOKEN_SECONDS} where they are signed. A resource is declared with ${RESOURCE_TOKEN_SECONDS}, or ${SIGNED_TOKEN_SECONDS} where they are signed, unless this says otherwise`,
  },
  requireDpop: {
    flags: '--require-dpop',
    help: 'refuse token requests for it without a DPoP proof (RFC 9449)',
    off: 'accept token requests for it without a DPoP proof',
    initial: false,
    schema: flagSchema(),
  },
  requirePkce: {
    flags: '--require-pkce',
    help: 'refuse authorization requests for it without PKCE',
    off: 'accept authorization requests for it without PKCE',
    initial: false,
    schema: flagSchema(),
  },
  selfRegistered: {
    flags: '--self-registered',
    help: 'clients that register themselves may get tokens for it without approval',
    off: 'clients that register themselves need approval of one of its scopes first',
    initial: false,
    schema: flagSchema(),
  },
  tokenFormat: {
    flags: '--token-format <format>',
    help: `how access tokens for it are made, from now on: ${TOKEN_FORMATS.join(' or ')}. A jwt is signed (RFC 9068) and checked without a read of storage; it needs SIGNING_KEYS`,
    initial: 'opaque',
    schema: oneOfSchema(
      TOKEN_FORMATS,
      (input) => `{field}: ${quote(input)} is none of ${TOKEN_FORMATS.join(', ')}`,
    ),
  },
}

/** The body that declares a resource. */
export const RESOURCE_CREATION = z.strictObject({
  uri: resourceUriSchema().check(z.describe('an absolute URI without a fragment: RFC 8707')),
  ...membersOf(RESOURCE_FIELDS, true),
})

/** The body that changes a resource. */
export const RESOURCE_UPDATE = z.strictObject(membersOf(RESOURCE_FIELDS, false))

/** What a body means that `RESOURCE_CREATION` has checked. */
export function newResourceIn(body: z.infer<typeof RESOURCE_CREATION>): NewResource {
  const fields = fieldsIn(RESOURCE_FIELDS, body) as ResourceFields
  return {
    uri: body.uri,
    ...fields,
    accessTokenLifetimeSeconds:
      fields.accessTokenLifetimeSeconds ?? defaultLifetimeOf(fields.tokenFormat),
  }
}

/** What a body means that `RESOURCE_UPDATE` has checked. */
export const resourceChangeIn = (body: z.infer<typeof RESOURCE_UPDATE>): Partial<ResourceFields> =>
  fieldsIn(RESOURCE_FIELDS, body)

export const resourceDocument = (resource: ResourceRecord) => ({
  uri: resource.uri,
  ...shown('inDocument', RESOURCE_FIELDS, resource),
  created_at: isoTime(resource.createdAt),
  updated_at: isoTime(resource.updatedAt),
})
