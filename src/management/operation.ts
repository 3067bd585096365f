/**
 * An operation of the management API is one row: path, method, required scopes, input and output. The routes, the guard,
 * `/openapi.json` and the tests that try every operation are made from these rows.
 */

import type * as z from 'zod/mini'
import { ADMIN_SCOPE, type RegistryScope } from '../domain/registry-scopes.ts'
import type { Act, ExpectedVersion } from '../flows/registration/change.ts'
import type { ProblemType } from '../protocol/problem.ts'
import type { ManagementDeps } from './deps.ts'

export const API_PATH = '/admin/v1'

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** The caller: the client of the access token and, if a person signed in, the user. */
export type Caller = Readonly<{
  clientId: string
  userId: string | null
  scopes: readonly string[]
}>

export type Call<Query, Body> = Readonly<{
  act: Act
  /** The parameter of the path, decoded; '' if there is none. */
  key: string
  query: Query
  body: Body
  /** The version from `If-Match`, for a conditional operation. */
  version: ExpectedVersion
}>

/** `version` becomes the ETag. `location` is a path below the API's. */
export type Result = Readonly<{
  status?: 200 | 201
  body: Readonly<Record<string, unknown>>
  version?: number
  location?: string
}>

type ResponseDescription = Readonly<{
  description: string
  schema: z.core.$ZodType
  example: unknown
}>

/** The query of an operation that has no query parameters. */
export type None = Record<never, never>

/** `Query` and `Body` are the types that the handler gets: the output of the schemas. */
export type Described<Query, Body, Made = Result> = Readonly<{
  method: Method
  /** The path below the API's path, in the form of OpenAPI: `/clients/{client_id}`. It has at most one parameter. */
  path: `/${string}`
  /** The name of the operation for generated clients. */
  name: string
  summary: string
  description?: string
  /** Any of these scopes is enough, and `registry:admin` always is. The first is the narrowest, and refusals name it. */
  scopes: readonly [RegistryScope, ...RegistryScope[]]
  /** The default is no query. */
  query?: z.core.$ZodType<Query>
  body?: z.core.$ZodType<Body>
  bodyExample?: unknown
  maxBodyBytes?: number
  /** The response has an ETag, which a change needs. */
  hasVersion?: boolean
  /** The operation changes an existing record: it needs `If-Match`, and the response has an ETag. */
  isConditional?: boolean
  responses: Readonly<Partial<Record<200 | 201, ResponseDescription>>>
  /** The list leaves out those of every operation, and `not_found` of a path with a parameter. */
  problems?: readonly ProblemType[]
  handle: (call: Call<Query, Body>, deps: ManagementDeps) => Promise<Made>
}>

/** What the operation is about: the first word of its path, which is the heading in the reference. */
export const nounOf = ({ path }: Pick<Operation, 'path'>) =>
  (path.split('/')[1] ?? '').replaceAll('-', ' ')

/** The scopes, each of which is enough. */
export const sufficientFor = (scopes: readonly RegistryScope[]): readonly RegistryScope[] => [
  ...new Set([...scopes, ADMIN_SCOPE]),
]

export type Operation = Described<unknown, unknown>

export const returnsVersion = ({ hasVersion = false, isConditional = false, method }: Operation) =>
  hasVersion || (isConditional && method !== 'DELETE')

/** Checks a row and drops its types, so that rows of all kinds fit into one list. */
export const operation = <Query = None, Body = null>(
  described: Described<Query, Body>,
): Operation => described as unknown as Operation
