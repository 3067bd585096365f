/**
 * An operation of the management API: one row with a path, a method, who may, what it takes, what it returns. The routes,
 * the guard, `/openapi.json` and the tests that try every operation are made from these rows.
 */

import type * as z from 'zod/mini'
import { ADMIN_SCOPE, type RegistryScope } from '../domain/registry-scopes.ts'
import type { Act, ExpectedVersion } from '../flows/registration/change.ts'
import type { ProblemType } from '../protocol/problem.ts'
import type { ManagementDeps } from './deps.ts'

export const API_PATH = '/admin/v1'

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** Who calls: the client of the access token and, where a person signed in, the user. */
export type Caller = Readonly<{
  clientId: string
  userId: string | null
  scopes: readonly string[]
}>

export type Call<Query, Body> = Readonly<{
  /** For the flows of `flows/registration`. */
  act: Act
  /** The parameter of the path, decoded; '' without one. */
  key: string
  query: Query
  body: Body
  /** From `If-Match`, for a conditional operation. */
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

/** `Query` and `Body` are what the handler gets: the output of the schemas. */
export type Described<Query, Body, Made = Result> = Readonly<{
  method: Method
  /** Below the API's path, as in OpenAPI: `/clients/{client_id}`. It has one parameter at most. */
  path: `/${string}`
  /** The name of the operation for generated clients. */
  name: string
  summary: string
  description?: string
  /** Any of them suffices, and `registry:admin` always does. The first is the narrowest: refusals name it. */
  scopes: readonly [RegistryScope, ...RegistryScope[]]
  /** By default none. */
  query?: z.core.$ZodType<Query>
  body?: z.core.$ZodType<Body>
  bodyExample?: unknown
  maxBodyBytes?: number
  /** Returns an ETag, which a change needs. */
  hasVersion?: boolean
  /** Changes an existing record: needs `If-Match`, and returns an ETag. */
  isConditional?: boolean
  responses: Readonly<Partial<Record<200 | 201, ResponseDescription>>>
  /** Refusals of its own: not those of every operation, nor `not_found` of a path with a parameter. */
  problems?: readonly ProblemType[]
  handle: (call: Call<Query, Body>, deps: ManagementDeps) => Promise<Made>
}>

/** What the operation is about, the heading in the reference: the first word of its path. */
export const nounOf = ({ path }: Pick<Operation, 'path'>) =>
  (path.split('/')[1] ?? '').replaceAll('-', ' ')

/** Each of these scopes is enough. */
export const sufficientFor = (scopes: readonly RegistryScope[]): readonly RegistryScope[] => [
  ...new Set([...scopes, ADMIN_SCOPE]),
]

export type Operation = Described<unknown, unknown>

export const returnsVersion = ({ hasVersion = false, isConditional = false, method }: Operation) =>
  hasVersion || (isConditional && method !== 'DELETE')

/** Checks a row and forgets its types, so that rows of all kinds fit one list. */
export const operation = <Query = None, Body = null>(
  described: Described<Query, Body>,
): Operation => described as unknown as Operation
