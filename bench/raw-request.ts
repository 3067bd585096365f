/** Requests as they go over the wire, written out once so that sending one costs a single write. */

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
