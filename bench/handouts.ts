/**
 * The requests that a server prepares for the load: complete HTTP requests as text, so that sending one takes a single
 * write.
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

/** Sends `fields` as a form. They must be ASCII. */
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

/** Runs `make` `count` times, a few at the same time, so that the queue of a simulator does not grow too long. */
export async function many<T>(count: number, make: () => Promise<T>): Promise<T[]> {
  const made: T[] = []
  while (made.length < count) {
    const chunk = Math.min(AT_ONCE, count - made.length)
    made.push(...(await Promise.all(Array.from({ length: chunk }, make))))
  }
  return made
}

/** Prepares this many requests. */
export type HandOut = (count: number) => Promise<Handout>

const ISSUED = '"access_token":"'
/** The beginning of a response with a signed token: every JWT begins with `eyJ`. */
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

/** `requestOf` makes the request that checks a token. A right response contains `text`. */
export const checks =
  (mintToken: () => Promise<string>, requestOf: (token: string) => string, text: string): HandOut =>
  async () => {
    const tokens = await many(TOKENS_TO_CHECK, mintToken)
    return { requests: tokens.map(requestOf), once: false, status: 200, text }
  }
