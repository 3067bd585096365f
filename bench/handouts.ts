/**
 * What a server hands out to be sent: requests as they go over the wire, written out once so that sending one costs a
 * single write.
 */

import { type Handout, TOKENS_TO_CHECK } from './operations.ts'
import { type Credentials, redemptionFields } from './subject.ts'

type Headers = Readonly<Record<string, string>>

const HOST = '127.0.0.1'

const headed = (first: string, headers: Headers, body: string) =>
  [
    first,
    ...Object.entries({ Host: HOST, ...headers }).map(([name, value]) => `${name}: ${value}`),
    '',
    body,
  ].join('\r\n')

export const getRequest = (path: string, headers: Headers = {}) =>
  headed(`GET ${path} HTTP/1.1`, headers, '')

/** `fields` as a form, ASCII alone. */
export function postRequest(
  path: string,
  fields: Readonly<Record<string, string>>,
  headers: Headers = {},
) {
  const body = new URLSearchParams(fields).toString()
  const form = {
    'Content-Type': 'application/x-www-form-urlencoded',
    'Content-Length': String(body.length),
  }
  return headed(`POST ${path} HTTP/1.1`, { ...form, ...headers }, body)
}

const AT_ONCE = 50

/** `make` runs `count` times, some at a time: a simulator's queue is not to be flooded. */
export async function many<T>(count: number, make: () => Promise<T>): Promise<T[]> {
  const made: T[] = []
  while (made.length < count) {
    const chunk = Math.min(AT_ONCE, count - made.length)
    made.push(...(await Promise.all(Array.from({ length: chunk }, make))))
  }
  return made
}

/** What is handed out when so many requests are asked for. */
export type HandOut = (count: number) => Promise<Handout>

const ISSUED = '"access_token":"'
/** Every JWT begins so. */
export const ISSUED_SIGNED = `${ISSUED}eyJ`

export const issues =
  (path: string, fields: Readonly<Record<string, string>>, text = ISSUED): HandOut =>
  async () => ({ requests: [postRequest(path, fields)], once: false, status: 200, text })

type Redeeming = Readonly<{ path: string; credentials: Credentials; text?: string }>

export const exchanges =
  ({ path, credentials, text = ISSUED }: Redeeming, mintCode: () => Promise<string>): HandOut =>
  async (count) => {
    const codes = await many(count, mintCode)
    const requests = codes.map((code) => postRequest(path, redemptionFields(credentials, code)))
    return { requests, once: true, status: 200, text }
  }

/** `requestOf`: the check of a token. A right answer holds `text`. */
export const checks =
  (mintToken: () => Promise<string>, requestOf: (token: string) => string, text: string): HandOut =>
  async () => {
    const tokens = await many(TOKENS_TO_CHECK, mintToken)
    return { requests: tokens.map(requestOf), once: false, status: 200, text }
  }
