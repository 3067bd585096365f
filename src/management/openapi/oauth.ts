/**
 * The OAuth endpoints in the document. The code of the registry checks their parameters without schemas, so these schemas
 * only describe; a test compares them with what the registry reads and returns.
 */

import * as z from 'zod/mini'
import { SIGNATURE_ALGORITHMS } from '../../crypto/client-jwt.ts'
import { SIGNING_ALGORITHMS } from '../../crypto/signing-keys.ts'
import { REQUEST_AUTH_METHODS } from '../../domain/client.ts'
import { PROMPTS } from '../../protocol/interaction.ts'
import { KEY_SET_PATH, KEY_SET_TYPE } from '../../protocol/key-set.ts'
import { described, maybe, named, text } from './schemas.ts'

const authentication = {
  client_id: maybe('unless it is in the Authorization header or in the assertion'),
  client_secret: maybe('of a client that sends its secret in the body (RFC 6749 §2.3.1)'),
  client_assertion_type: maybe('urn:ietf:params:oauth:client-assertion-type:jwt-bearer'),
  client_assertion: maybe('a JWT signed with a key of the client (RFC 7523 §2.2)'),
}
const scope = maybe('scopes with spaces between them')
const resource = z.optional(
  described(
    'URI of a service that the token is to be for, repeatable (RFC 8707)',
    z.array(z.string()),
  ),
)

const authorizationRequest = z.object({
  response_type: z.literal('code'),
  response_mode: z.optional(z.literal('query')),
  client_id: text('the client'),
  redirect_uri: maybe('as registered; needed if the client has several'),
  scope,
  resource,
  state: maybe('returned unchanged'),
  code_challenge: maybe('RFC 7636; public clients need it'),
  code_challenge_method: z.optional(z.literal('S256')),
  prompt: maybe(`${PROMPTS.join(', ')}: one of them, or several with spaces between them`),
  max_age: maybe('seconds: a user who signed in longer ago signs in again'),
  login_hint: maybe('fills in the username on the sign-in page'),
  dpop_jkt: maybe('thumbprint of the key that the code is bound to (RFC 9449 §10)'),
})

const tokenRequest = named(
  'TokenRequest',
  z.discriminatedUnion('grant_type', [
    z.object({ grant_type: z.literal('client_credentials'), scope, resource, ...authentication }),
    z.object({
      grant_type: z.literal('authorization_code'),
      code: text('from the redirect'),
      redirect_uri: maybe('as in the authorization request, if it had one'),
      code_verifier: maybe('RFC 7636'),
      resource,
      ...authentication,
    }),
    z.object({
      grant_type: z.literal('refresh_token'),
      refresh_token: text('from the last token response'),
      scope,
      resource,
      ...authentication,
    }),
  ]),
)

export const TokenResponse = named(
  'TokenResponse',
  z.strictObject({
    access_token: text('Opaque, or a JWT of RFC 9068 for a resource that wants signed ones.'),
    token_type: z.enum(['Bearer', 'DPoP']),
    expires_in: described('seconds', z.int()),
    scope: text('what was granted, with spaces between the scopes'),
    refresh_token: z.optional(z.string()),
  }),
)

const presented = z.object({
  token: text('an access or refresh token'),
  token_type_hint: maybe('not needed: the form of a token says what it is'),
  ...authentication,
})

export const IntrospectionResponse = named(
  'IntrospectionResponse',
  z.strictObject({
    active: z.boolean(),
    scope: z.optional(z.string()),
    client_id: z.optional(z.string()),
    username: z.optional(z.string()),
    sub: maybe("the user's id, or the client's if it acts for itself"),
    aud: z.optional(z.array(z.string())),
    token_type: z.optional(z.enum(['Bearer', 'DPoP'])),
    cnf: z.optional(z.strictObject({ jkt: z.string() })),
    exp: z.optional(z.int()),
    iat: z.optional(z.int()),
    iss: z.optional(z.string()),
    endorsements: z.optional(z.array(z.string())),
  }),
)

const methods = z.array(z.enum(REQUEST_AUTH_METHODS))
const algorithms = z.array(z.enum(SIGNATURE_ALGORITHMS))

export const Metadata = named(
  'Metadata',
  z.strictObject({
    issuer: z.string(),
    authorization_endpoint: z.string(),
    token_endpoint: z.string(),
    token_endpoint_auth_methods_supported: methods,
    token_endpoint_auth_signing_alg_values_supported: algorithms,
    registration_endpoint: described('RFC 7591; where it is switched on', z.optional(z.string())),
    revocation_endpoint: z.string(),
    revocation_endpoint_auth_methods_supported: methods,
    revocation_endpoint_auth_signing_alg_values_supported: algorithms,
    introspection_endpoint: z.string(),
    introspection_endpoint_auth_methods_supported: methods,
    introspection_endpoint_auth_signing_alg_values_supported: algorithms,
    dpop_signing_alg_values_supported: algorithms,
    response_types_supported: z.array(z.string()),
    response_modes_supported: z.array(z.string()),
    grant_types_supported: z.array(z.string()),
    code_challenge_methods_supported: z.array(z.string()),
    authorization_response_iss_parameter_supported: z.boolean(),
    prompt_values_supported: z.array(z.enum(PROMPTS)),
    scopes_supported: z.optional(z.array(z.string())),
    protected_resources: z.optional(z.array(z.string())),
    jwks_uri: maybe('where the registry signs: its public keys'),
    introspection_signing_alg_values_supported: z.optional(z.array(z.enum(SIGNING_ALGORITHMS))),
    client_id_metadata_document_supported: z.optional(z.boolean()),
    service_documentation: z.optional(z.string()),
  }),
)

export const KeySet = named(
  'KeySet',
  z.strictObject({
    keys: z.array(
      z.strictObject({
        kty: z.enum(['EC', 'OKP']),
        crv: z.enum(['P-256', 'Ed25519']),
        x: z.string(),
        y: z.optional(z.string()),
        kid: text('the thumbprint of the key (RFC 7638)'),
        use: z.literal('sig'),
        alg: z.enum(SIGNING_ALGORITHMS),
        added_at: z.optional(described('when it was made, in epoch seconds', z.int())),
        first_at: z.optional(described('since when it signs, or signed', z.int())),
      }),
    ),
  }),
)

export const OAuthErrorDocument = named(
  'OAuthError',
  z.strictObject({
    error: text('a code of RFC 6749, RFC 7009, RFC 8707 or RFC 9449'),
    error_description: text('a sentence for the developer of the client'),
    error_uri: maybe('a page that explains the code'),
  }),
)

const EXAMPLE_TOKENS = {
  access_token: 'reg_…',
  token_type: 'Bearer',
  expires_in: 900,
  scope: 'registry:admin',
}

export const OAUTH_ENDPOINTS = [
  {
    method: 'get',
    path: '/authorize',
    name: 'authorize',
    summary: 'Ask a user for access (RFC 6749 §4.1.1)',
    description: 'For browsers. The user signs in and consents, and is sent back with a code.',
    query: authorizationRequest,
    responses: {
      200: { description: 'A page for the user.', mediaType: 'text/html', schema: z.string() },
      303: {
        description:
          'To the sign-in page, or back to the client with code, state and iss, or with error.',
        headers: { Location: 'Where the browser goes.' },
      },
      400: {
        description: 'The client or its redirect URI is not known.',
        mediaType: 'text/html',
        schema: z.string(),
      },
    },
  },
  {
    method: 'post',
    path: '/token',
    name: 'token',
    summary: 'Obtain an access token (RFC 6749 §3.2)',
    form: tokenRequest,
    formExample: { grant_type: 'client_credentials', scope: 'registry:admin' },
    takesProof: true,
    responses: {
      200: { description: 'Tokens.', schema: TokenResponse, example: EXAMPLE_TOKENS },
    },
  },
  {
    method: 'post',
    path: '/revoke',
    name: 'revoke',
    summary: 'End an access or refresh token (RFC 7009)',
    form: presented,
    formExample: { token: 'reg_…' },
    responses: {
      200: {
        description: 'The token is not valid, or never was.',
        schema: z.strictObject({}),
        example: {},
      },
    },
  },
  {
    method: 'post',
    path: '/introspect',
    name: 'introspect',
    summary: 'Ask about a token (RFC 7662)',
    description:
      'With `Accept: application/token-introspection+jwt` the state is in a signed JWT (RFC 9701), where the registry has keys.',
    form: presented,
    formExample: { token: 'reg_…' },
    responses: {
      200: {
        description: 'The state of the token.',
        schema: IntrospectionResponse,
        example: { active: false },
      },
    },
  },
  {
    method: 'get',
    path: '/.well-known/oauth-authorization-server',
    name: 'metadata',
    summary: 'Show the endpoints and what they support (RFC 8414)',
    responses: { 200: { description: 'The metadata.', schema: Metadata } },
  },
  {
    method: 'get',
    path: KEY_SET_PATH,
    name: 'keySet',
    summary: 'Show the public keys with which the registry signs (RFC 7517)',
    responses: {
      200: {
        description: 'The key set. The first key signs; it is empty where nothing is signed.',
        mediaType: KEY_SET_TYPE,
        schema: KeySet,
      },
    },
  },
] as const satisfies readonly OAuthEndpoint[]

export type OAuthResponse = Readonly<{
  description: string
  mediaType?: string
  schema?: z.core.$ZodType
  example?: unknown
  headers?: Readonly<Record<string, string>>
}>

export type OAuthEndpoint = Readonly<{
  method: 'get' | 'post'
  path: string
  name: string
  summary: string
  description?: string
  query?: z.core.$ZodType
  /** The form that a client sends, with its authentication. */
  form?: z.core.$ZodType
  formExample?: unknown
  takesProof?: boolean
  responses: Readonly<Record<number, OAuthResponse>>
}>
