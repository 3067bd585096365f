/** The fields of a resource. */

import * as z from 'zod/mini'
import { textOf } from '../../domain/json-object.ts'
import { isRegistryScope } from '../../domain/registry-scopes.ts'
import {
  defaultLifetimeOf,
  MAX_SIGNED_TOKEN_SECONDS,
  RESOURCE_TOKEN_SECONDS,
  type ResourceFields,
  SIGNED_TOKEN_SECONDS,
  TOKEN_FORMATS,
} from '../../domain/resource.ts'
import { OFFLINE_ACCESS } from '../../domain/scope.ts'
import { declaredForm } from './declared-form.ts'
import { quote } from './errors.ts'
import { type FieldTable, flagField, oneOfSchema } from './field.ts'
import { lineSchema } from './scope-fields.ts'
import { LIFETIME_FIELD, resourceUriSchema, scopesField } from './shared-fields.ts'

const mayBeOfAService = (scopes: readonly unknown[]) =>
  !scopes.some((scope) => scope === OFFLINE_ACCESS || isRegistryScope(textOf(scope)))

const scopes = scopesField(
  'a scope that belongs to it; domain:action includes domain:action:… with every resource id',
)

export const RESOURCE_FIELDS: FieldTable<ResourceFields> = {
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
    help: `how long new access tokens for it live: at least 60, and never longer than SESSION_LIFETIME_SECONDS, or ${MAX_SIGNED_TOKEN_SECONDS} where they are signed. A resource is declared with ${RESOURCE_TOKEN_SECONDS}, or ${SIGNED_TOKEN_SECONDS} where they are signed, unless this says otherwise`,
  },
  requireDpop: flagField(
    '--require-dpop',
    'refuse token requests for it without a DPoP proof (RFC 9449)',
    'accept token requests for it without a DPoP proof',
  ),
  requirePkce: flagField(
    '--require-pkce',
    'refuse authorization requests for it without PKCE',
    'accept authorization requests for it without PKCE',
  ),
  selfRegistered: flagField(
    '--self-registered',
    'clients that register themselves may get tokens for it without approval',
    'clients that register themselves need approval of one of its scopes first',
  ),
  tokenFormat: {
    flags: '--token-format <format>',
    help: `how access tokens for it are made, from now on: ${TOKEN_FORMATS.join(' or ')}. A jwt is signed (RFC 9068) and checked without a read of storage; it needs SIGNING_KEYS`,
    initial: 'opaque',
    schema: oneOfSchema(
      TOKEN_FORMATS,
      (input) => `{field}: ${quote(input)} is not one of ${TOKEN_FORMATS.join(', ')}`,
    ),
  },
}

const form = declaredForm(
  'uri',
  resourceUriSchema().check(z.describe('an absolute URI without a fragment: RFC 8707')),
  RESOURCE_FIELDS,
)

export const RESOURCE_FORM: typeof form = {
  ...form,
  newIn(body) {
    const resource = form.newIn(body)
    const { accessTokenLifetimeSeconds = defaultLifetimeOf(resource.tokenFormat) } =
      resource as Partial<ResourceFields>
    return { ...resource, accessTokenLifetimeSeconds }
  },
}
