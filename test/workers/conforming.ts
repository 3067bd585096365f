/** Checks every response of the management API against its OpenAPI document. */

import * as z from 'zod/mini'
import {
  ProblemDocument,
  refusalsOf,
  responseComponents,
} from '../../src/management/openapi/responses.ts'
import { type Operation, returnsVersion } from '../../src/management/operation.ts'
import { OPERATIONS } from '../../src/management/operations.ts'

const patternOf = ({ path }: Operation) => new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`)

const operationOf = (method: string, path: string) =>
  OPERATIONS.find((one) => one.method === method && patternOf(one).test(path))

const COMPONENTS = responseComponents('https://registry.example')

function check(operation: Operation, { status, headers }: Response, body: unknown) {
  const success = operation.responses[status as 200 | 201]
  if (success) {
    z.parse(success.schema, body)
    if (returnsVersion(operation) !== headers.has('ETag')) throw new Error('ETag')
    return
  }
  z.parse(ProblemDocument, body)
  const documented = refusalsOf(operation)
  const component = documented[status]?.$ref.split('/').at(-1)
  if (component === undefined) {
    throw new Error(`only ${Object.keys(documented)} are documented`)
  }
  const described = COMPONENTS[component]?.headers ?? {}
  for (const name of ['Retry-After', 'WWW-Authenticate']) {
    if (headers.has(name) !== name in described) throw new Error(name)
  }
}

/** Throws for a response that `/openapi.json` does not describe. `path` is below the API's, with its query. */
export async function requireConforming(method: string, path: string, response: Response) {
  // Parsing a URL removes the segments `.` and `..`.
  const { pathname } = new URL(`http://registry.example${path}`)
  const operation = operationOf(method, pathname)
  if (!operation) return
  const text = await response.clone().text()
  try {
    check(operation, response, JSON.parse(text))
  } catch (cause) {
    const what = `${operation.name} returned ${response.status} ${text}`
    throw new Error(`${what}, which its document does not describe`, { cause })
  }
}
