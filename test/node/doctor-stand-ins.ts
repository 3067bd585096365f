/** For the doctor's tests: proxies and stand-in servers that make one mistake. */

import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { type Listening, listen } from './listen.ts'

export type Asked = Readonly<{
  method: string
  path: string
  headers: Readonly<Record<string, string>>
  body: string
}>
export type Answered = Readonly<{
  status: number
  body?: string
  headers?: Readonly<Record<string, string | string[]>>
}>
export type StandIn = Listening

export function standIn(answer: (asked: Asked) => Promise<Answered>): Promise<StandIn> {
  const server = createServer((request, response) => {
    void (async () => {
      const { method = '', url = '', headers } = request
      const given = Object.entries(headers).filter(([, value]) => typeof value === 'string')
      const asked = {
        method,
        path: url,
        headers: Object.fromEntries(given) as Record<string, string>,
        body: await text(request),
      }
      const { status, body = '', headers: more = {} } = await answer(asked)
      response.writeHead(status, more).end(body)
    })()
  })
  return listen(server)
}

/** Forwards the request to `origin`. */
export async function passOn(origin: string, asked: Asked): Promise<Answered> {
  const { method, path, headers, body } = asked
  const { host, connection, 'content-length': length, ...others } = headers
  const response = await fetch(`${origin}${path}`, {
    method,
    headers: others,
    redirect: 'manual',
    ...(method !== 'GET' && method !== 'HEAD' && { body }),
  })
  const told = ['content-type', 'etag', 'location', 'x-auth-status', 'authorization']
  const kept = told.flatMap((name) => {
    const value = response.headers.get(name)
    return value === null ? [] : [[name, value]]
  })
  return {
    status: response.status,
    headers: { ...Object.fromEntries(kept), 'set-cookie': response.headers.getSetCookie() },
    body: await response.text(),
  }
}
