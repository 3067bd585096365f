/** Resources for the tests of RFC 8707. */

import type { NewResource } from '../../src/domain/resource.ts'
import { createResource } from '../../src/flows/registration/resources.ts'
import { admin } from './registering.ts'

let count = 0

/** The URI of a new resource, which no other test has. */
export async function newResource(
  scopes: readonly string[],
  more: Partial<NewResource> = {},
): Promise<string> {
  count += 1
  // URIs of one length sort in the order in which they were made.
  const uri = `https://service${String(count).padStart(5, '0')}-${crypto.randomUUID()}.example`
  const { record } = await createResource(admin(), {
    uri,
    name: `Service ${count}`,
    scopes,
    accessTokenLifetimeSeconds: 900,
    requireDpop: false,
    requirePkce: false,
    selfRegistered: false,
    tokenFormat: 'opaque',
    ...more,
  })
  return record.uri
}

/** The fields of a request that names these resources. */
export const withResources = (
  fields: Record<string, string>,
  ...resources: string[]
): [string, string][] => [
  ...Object.entries(fields),
  ...resources.map((uri): [string, string] => ['resource', uri]),
]
