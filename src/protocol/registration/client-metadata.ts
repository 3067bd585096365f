/** Client metadata (RFC 7591 §2) as a client sends it to register itself. */

import * as z from 'zod/mini'
import {
  type ClientDetails,
  GRANT_TYPES,
  type GrantType,
  NO_DETAILS,
  REQUEST_AUTH_METHODS,
  type RequestAuthMethod,
} from '../../domain/client.ts'
import { isObject } from '../../domain/json-object.ts'
import { MAX_REDIRECT_URI_LENGTH } from '../../domain/registration.ts'
import { isScope, OFFLINE_ACCESS, SCOPE_RULE, splitScopes } from '../../domain/scope.ts'
import { CLIENT_DETAILS } from './client-details.ts'
import { CLIENT_FIELDS } from './client-fields.ts'
import { invalid, quote } from './errors.ts'
import {
  fieldsIn,
  flagSchema,
  membersOf,
  oneOfSchema,
  requireValid,
  textSchema,
  wrongType,
} from './field.ts'
import { lineSchema } from './scope-fields.ts'

/** What a client asks for. A member that the client leaves out has the default of RFC 7591 §2. */
export type ClientMetadata = Readonly<{
  name: string
  url: string
  details: ClientDetails
  /** JWK Set as JSON text; null if there is none. */
  jwks: string | null
  redirectUris: readonly string[]
  authMethod: RequestAuthMethod
  /** RFC 9449 §5.2: the client's tokens are always bound to a key. */
  requireDpop: boolean
  grantTypes: readonly GrantType[]
  /** Null if the client names no scopes. */
  scopes: readonly string[] | null
}>

const MAX_NAME_LENGTH = 200
const MAX_REDIRECT_URIS = 20
const MAX_WORDS = 20
const MAX_SCOPES = 100
const MAX_SCOPE_TEXT_LENGTH = 4000
const MAX_CONTACTS = 10

/** The name of a client that does not give one. Users still see where the client sends them. */
const UNNAMED = 'Application without a name'

const textsSchema = (maxLength: number, most: number) =>
  z
    .array(textSchema(maxLength), { error: wrongType('a list of texts') })
    .check(z.maxLength(most, { error: `{field} must not have more than ${most} values` }))

const { contacts } = CLIENT_DETAILS
const DETAILS = {
  ...CLIENT_DETAILS,
  contacts: {
    ...contacts,
    schema: contacts.schema.check(
      z.maxLength(MAX_CONTACTS, {
        error: `{field} must not have more than ${MAX_CONTACTS} values`,
      }),
    ),
  },
}

/** RFC 7591 §2: the server MUST ignore members that it does not understand. */
const METADATA = z.looseObject(
  {
    redirect_uris: z._default(textsSchema(MAX_REDIRECT_URI_LENGTH, MAX_REDIRECT_URIS), []),
    token_endpoint_auth_method: z._default(
      oneOfSchema(
        REQUEST_AUTH_METHODS,
        (input) => `{field} ${quote(input)} is not one of ${REQUEST_AUTH_METHODS.join(', ')}`,
      ),
      'client_secret_basic',
    ),
    grant_types: z._default(textsSchema(200, MAX_WORDS), ['authorization_code']),
    response_types: z.optional(textsSchema(200, MAX_WORDS)),
    client_name: z._default(lineSchema(MAX_NAME_LENGTH), UNNAMED),
    client_uri: z._default(CLIENT_FIELDS.url.schema, ''),
    scope: z.optional(textSchema(MAX_SCOPE_TEXT_LENGTH)),
    jwks: z._default(CLIENT_FIELDS.jwks.schema, null),
    dpop_bound_access_tokens: z._default(flagSchema(), false),
    ...membersOf(DETAILS, false),
  },
  { error: 'the body must be an object with client metadata' },
)

/** Null counts as absent (RFC 7592 §2.2), and so does an empty text, which some clients send for a missing member. */
const isGiven = ([, value]: readonly [string, unknown]) => value !== null && value !== ''

/** Spaces may be anywhere. `offline_access` is not a permission, because the grant type decides on refresh tokens. */
function scopesIn(text: string | undefined): readonly string[] | null {
  const scopes = splitScopes(text ?? '')
  const malformed = scopes.find((scope) => !isScope(scope))
  if (malformed !== undefined) {
    throw invalid(`{field}: ${quote(malformed)} is not a scope: a scope ${SCOPE_RULE}`, 'scope')
  }
  if (scopes.length > MAX_SCOPES) {
    throw invalid(`{field} must not name more than ${MAX_SCOPES} scopes`, 'scope')
  }
  const permissions = scopes.filter((scope) => scope !== OFFLINE_ACCESS)
  return permissions.length === 0 ? null : permissions
}

/** RFC 7591 §2.1: grant and response types must fit together. Unsupported types are left out, as long as one type remains. */
function grantTypesIn(
  given: readonly string[],
  responseTypes: readonly string[] | undefined,
): readonly GrantType[] {
  const known = GRANT_TYPES.filter((type) => given.includes(type))
  if (known.length === 0) {
    throw invalid(`{field} must have one of ${GRANT_TYPES.join(', ')}`, 'grant_types')
  }
  const usesCodes = known.includes('authorization_code')
  if (known.includes('refresh_token') && !usesCodes) {
    throw invalid('{field}: refresh_token needs authorization_code beside it', 'grant_types')
  }
  const asksForCodes = responseTypes?.includes('code') ?? usesCodes
  if (usesCodes && !asksForCodes) {
    throw invalid('{field} must have code for the grant type authorization_code', 'response_types')
  }
  if (asksForCodes && !usesCodes) {
    throw invalid('{field} must have authorization_code for the response type code', 'grant_types')
  }
  return known
}

/** Throws a RegistrationError that names the member. */
export function readClientMetadata(body: unknown): ClientMetadata {
  const given = isObject(body) ? Object.fromEntries(Object.entries(body).filter(isGiven)) : body
  const read = requireValid(METADATA, given)
  if ('software_statement' in read) {
    const sentence = '{field} is not accepted: the registry knows no issuer of them'
    throw invalid(sentence, 'software_statement')
  }
  const { grant_types, response_types, redirect_uris, client_uri, jwks } = read
  const details = { ...NO_DETAILS, ...fieldsIn(DETAILS, read) }
  const keys = read.token_endpoint_auth_method === 'private_key_jwt'
  if (keys && jwks !== null && details.jwksUri !== '') {
    throw invalid('{field} and jwks must not be given together', 'jwks_uri')
  }
  return {
    name: read.client_name,
    url: String(client_uri),
    // The address of keys for a purpose other than client authentication is not stored.
    details: keys ? details : { ...details, jwksUri: '' },
    jwks: keys && jwks !== null ? JSON.stringify(jwks) : null,
    redirectUris: [...new Set(redirect_uris)],
    authMethod: read.token_endpoint_auth_method,
    requireDpop: read.dpop_bound_access_tokens,
    grantTypes: grantTypesIn(grant_types, response_types),
    scopes: scopesIn(read.scope),
  }
}

/** The error codes of RFC 7591 §3.2.2. */
export const metadataErrorCode = (field: string | null) => {
  if (field?.startsWith('redirect_uris')) return 'invalid_redirect_uri'
  return field === 'software_statement' ? 'invalid_software_statement' : 'invalid_client_metadata'
}
