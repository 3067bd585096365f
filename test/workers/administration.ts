/** Callers of the management API: clients with `registry:` scopes and their tokens. */

import { expect } from 'vitest'
import { requireConforming } from './conforming.ts'
import { machineToken } from './obtaining.ts'
import { type Fetch, newClient, type RegisteredClient, registry } from './registry.ts'

export const API = '/admin/v1'

/** A client with these scopes, and a token of it. */
export type Administrator = Readonly<{ client: RegisteredClient; token: string }>

export async function newAdministrator(...scopes: string[]): Promise<Administrator> {
  const client = await newClient({
    name: 'Administration',
    redirectUris: [],
    grantTypes: ['client_credentials'],
    scopes: scopes.length === 0 ? ['registry:admin'] : scopes,
    endorsements: [],
  })
  return { client, token: await machineToken(client) }
}

type Asked = Partial<{
  body: unknown
  ifMatch: string
  headers: Record<string, string>
  fetch: Fetch
}>

/** A call as `POST /clients`, with the path below the API's. Throws if the response is not as `/openapi.json` describes it. */
export async function call(
  { token }: Pick<Administrator, 'token'>,
  what: `${string} /${string}`,
  { body, ifMatch, headers = {}, fetch = registry }: Asked = {},
): Promise<Response> {
  const [method = '', path = ''] = what.split(' ')
  const response = await fetch(API + path, {
    method,
    headers: {
      Authorization: `Bearer ${token}`,
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
      ...(ifMatch !== undefined && { 'If-Match': ifMatch }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  await requireConforming(method, path, response)
  return response
}

/** The JSON of a response with this status. Throws the body if the status differs. */
export async function documentIn<T = Record<string, unknown>>(
  response: Response,
  status = 200,
): Promise<T> {
  const text = await response.text()
  if (response.status !== status) throw new Error(`${response.status} and not ${status}: ${text}`)
  return JSON.parse(text) as T
}

/** All items of a list, read page by page. No page has more than its `limit`, or 200 without one. */
export async function itemsOf<T>(
  administrator: Pick<Administrator, 'token'>,
  path: `/${string}?${string}`,
): Promise<T[]> {
  const [, limit = '200'] = /\blimit=(\d+)/.exec(path) ?? []
  const items: T[] = []
  for (let after: string | null = ''; after !== null; ) {
    const cursor: string = after && `&after=${encodeURIComponent(after)}`
    const page: { items: T[]; next: string | null } = await documentIn(
      await call(administrator, `GET ${path}${cursor}`),
    )
    expect(page.items.length).toBeLessThanOrEqual(Number(limit))
    items.push(...page.items)
    after = page.next
  }
  return items
}
