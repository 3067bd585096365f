/** The OpenAPI 3.1 document: the management API, made from its operations, and the OAuth endpoints. */

import type * as z from 'zod/mini'
import { API_PATH, nounOf, type Operation, returnsVersion, sufficientFor } from '../operation.ts'
import {
  OAUTH_ENDPOINTS,
  type OAuthEndpoint,
  OAuthErrorDocument,
  type OAuthResponse,
} from './oauth.ts'
import { headersOf, ProblemDocument, refusalsOf, responseComponents } from './responses.ts'
import { type Components, type JsonSchema, schemaOf } from './schemas.ts'

const JSON_TYPE = 'application/json'
const FORM_TYPE = 'application/x-www-form-urlencoded'

const DESCRIPTION = `Administers clients, users, scopes, resources and sessions, with access tokens of this registry itself.

A change of a record needs \`If-Match\`: the \`ETag\` of the record as you read it, or \`*\`. A list has \`items\`, and \`next\`: the \`after\` of the next page, null after the last. An error is a problem (RFC 9457).`

const TAGS: Readonly<Record<string, string>> = {
  OAuth: 'The endpoints of OAuth 2.0. The metadata (RFC 8414) lists them.',
  clients: 'Applications that obtain tokens.',
  users: 'People who sign in.',
  scopes: 'What people read about scopes, and which of them are sensitive.',
  categories: 'The titles of archives and categories, for endorsements.',
  resources: 'The services that access tokens are for (RFC 8707).',
  'document hosts': 'Hosts of client metadata documents that are allowed or blocked.',
  sessions: 'What has been issued and is still valid.',
  audit: 'What administrators did, and what users agreed to or took back.',
  refusals: 'Why a request was refused.',
  status: 'The state of the deployment.',
}

const PATH_PARAMETERS: Readonly<Record<string, string>> = {
  client_id:
    'The id of the client. That of a client with a metadata document is an address: percent-encode it.',
  user_id: 'The id of the user, or the username: see `by`.',
  name: 'The scope, percent-encoded.',
  uri: 'The URI of the resource, percent-encoded.',
  host: 'A host, or `*.` and a domain, percent-encoded or not.',
  correlation_id: 'From the response to the request.',
}

const IF_MATCH = {
  name: 'If-Match',
  in: 'header',
  required: true,
  description: 'The ETag of the record as you read it, or * for any version.',
  schema: { type: 'string' },
  example: '"v1790856000000"',
}
const DPOP = {
  name: 'DPoP',
  in: 'header',
  description: 'A proof of possession (RFC 9449 §4): the tokens are bound to its key.',
  schema: { type: 'string' },
}

function parametersOf(schema: z.core.$ZodType | undefined, components: Components) {
  if (!schema) return []
  const { properties = {}, required = [] } = schemaOf(schema, 'input', components)
  return Object.entries(properties).map(([name, property]) => {
    const { description, ...rest } = property as JsonSchema
    return {
      name,
      in: 'query',
      ...(required.includes(name) && { required: true }),
      ...(description !== undefined && { description }),
      schema: rest,
    }
  })
}

const pathParametersOf = (path: string) =>
  Array.from(path.matchAll(/\{(\w+)\}/g), ([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    description: PATH_PARAMETERS[name] ?? `The ${name}.`,
    schema: { type: 'string' },
  }))

const content = (mediaType: string, schema: JsonSchema, example: unknown) => ({
  content: { [mediaType]: { schema, ...(example !== undefined && { example }) } },
})

/** Any of the scopes is enough, with a bearer token or with a token that is bound to a key. */
const securityOf = ({ scopes }: Operation) =>
  sufficientFor(scopes).flatMap((scope) => [{ bearer: [scope] }, { dpop: [scope] }])

const creates = ({ method, isConditional, responses }: Operation) =>
  method === 'POST' && !isConditional && responses[201] !== undefined

const responseObject = (
  { description, headers = {}, mediaType = JSON_TYPE, schema, example }: OAuthResponse,
  components: Components,
) => ({
  description,
  ...(Object.keys(headers).length > 0 && { headers: headersOf(headers) }),
  ...(schema && content(mediaType, schemaOf(schema, 'output', components), example)),
})

function successesOf(operation: Operation, components: Components) {
  return Object.entries(operation.responses).map(([status, response]) => {
    const headers = {
      ...(returnsVersion(operation) && { ETag: 'The version, for If-Match.' }),
      ...(status === '201' && creates(operation) && { Location: 'The path of the record.' }),
    }
    return [status, responseObject({ ...response, headers }, components)]
  })
}

function operationObject(operation: Operation, components: Components) {
  const { name, summary, description, path, query, body, bodyExample } = operation
  const parameters = [
    ...pathParametersOf(path),
    ...parametersOf(query, components),
    ...(operation.isConditional ? [IF_MATCH] : []),
  ]
  return {
    operationId: name,
    tags: [nounOf(operation)],
    summary,
    ...(description !== undefined && { description }),
    security: securityOf(operation),
    ...(parameters.length > 0 && { parameters }),
    ...(body && {
      requestBody: {
        required: true,
        ...content(JSON_TYPE, schemaOf(body, 'input', components), bodyExample),
      },
    }),
    responses: {
      ...Object.fromEntries(successesOf(operation, components)),
      ...refusalsOf(operation),
    },
  }
}

const OAUTH_REFUSALS: Readonly<Record<number, string>> = {
  400: 'The request is not valid.',
  401: 'The client did not authenticate.',
  408: 'The form did not arrive in time.',
  413: 'The form is too large.',
  415: 'The body is not a form.',
  429: 'Too many attempts.',
  503: 'The service cannot answer now. Nothing was lost.',
}

const OAUTH_HEADERS: Readonly<Record<number, Readonly<Record<string, string>>>> = {
  401: { 'WWW-Authenticate': 'RFC 6749 §5.2: Basic.' },
  429: { 'Retry-After': 'Seconds.' },
  503: { 'Retry-After': 'Seconds.' },
}

const oauthRefusals = () =>
  Object.fromEntries(
    Object.entries(OAUTH_REFUSALS).map(([status, description]) => [
      status,
      {
        description,
        headers: headersOf({
          'X-Correlation-Id': 'What the operator finds the cause by.',
          ...OAUTH_HEADERS[Number(status)],
        }),
        ...content(JSON_TYPE, { $ref: '#/components/schemas/OAuthError' }, undefined),
      },
    ]),
  )

function oauthObject(endpoint: OAuthEndpoint, components: Components) {
  const { name, summary, description, query, form, formExample, takesProof, responses } = endpoint
  const parameters = [...parametersOf(query, components), ...(takesProof ? [DPOP] : [])]
  const successes = Object.entries(responses).map(([status, response]) => [
    status,
    responseObject(response, components),
  ])
  return {
    operationId: name,
    tags: ['OAuth'],
    summary,
    ...(description !== undefined && { description }),
    // A client authenticates by HTTP Basic, in the form, or by an assertion; a client without a secret does not authenticate.
    security: form ? [{ basic: [] }, {}] : [],
    ...(parameters.length > 0 && { parameters }),
    ...(form && {
      requestBody: {
        required: true,
        ...content(FORM_TYPE, schemaOf(form, 'input', components), formExample),
      },
    }),
    responses: { ...Object.fromEntries(successes), ...(form && oauthRefusals()) },
  }
}

const securitySchemes = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    description: 'An access token of this registry: of a client that authenticated to obtain it.',
  },
  dpop: {
    type: 'http',
    scheme: 'dpop',
    description:
      'An access token that is bound to a key, with a proof in the header DPoP (RFC 9449).',
  },
  basic: {
    type: 'http',
    scheme: 'basic',
    description: "A client's id and secret, each form-encoded (RFC 6749 §2.3.1).",
  },
}

export function openApiDocument(issuer: string, operations: readonly Operation[]) {
  const components: Components = {}
  const paths: Record<string, Record<string, object>> = {}
  const add = (path: string, method: string, object: object) => {
    paths[path] = { ...paths[path], [method.toLowerCase()]: object }
  }
  for (const one of operations)
    add(API_PATH + one.path, one.method, operationObject(one, components))
  for (const one of OAUTH_ENDPOINTS) add(one.path, one.method, oauthObject(one, components))
  for (const one of [ProblemDocument, OAuthErrorDocument]) schemaOf(one, 'output', components)
  const nouns = new Set(['OAuth', ...operations.map(nounOf)])
  return {
    openapi: '3.1.1',
    info: { title: 'Registry', version: '1', description: DESCRIPTION },
    externalDocs: { description: 'Reference', url: `${issuer}/docs` },
    servers: [{ url: issuer }],
    tags: [...nouns].map((name) => ({ name, description: TAGS[name] ?? name })),
    paths,
    components: { schemas: components, responses: responseComponents(issuer), securitySchemes },
  }
}

export type OpenApiDocument = ReturnType<typeof openApiDocument>
