/** A proxy in front of a registry in place of the network: it forwards requests, records them, and fails as a test asks. */

import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { listen } from './listen.ts'

export type Seen = Readonly<{
  method: string
  url: string
  headers: Readonly<Record<string, string>>
  body: string
}>
export type Played = Readonly<{ status: number; type?: string; body: string }>
/** The request takes effect, and its response is lost. */
export type Lost = 'connection' | 'text' | 'gateway'

/** What the caller gets instead of the response of the registry; null for the response. */
export type Spoil = (seen: Seen) => Promise<Played | Lost | null> | Played | Lost | null

/** Headers that are not forwarded. Those about the encoding would be wrong, because `fetch` has decoded the body. */
const HOP_BY_HOP = [
  'connection',
  'content-encoding',
  'content-length',
  'keep-alive',
  'set-cookie',
  'transfer-encoding',
]

export async function registryFront(registryUrl: () => string) {
  const box = { seen: [] as Seen[], spoil: (() => null) as Spoil }
  const server = createServer((request, response) => {
    void (async () => {
      const { method = '', url = '' } = request
      const { host, connection, 'content-length': _, ...headers } = request.headers
      const seen = {
        method,
        url,
        headers: headers as Record<string, string>,
        body: await text(request),
      }
      box.seen.push(seen)
      const spoiled = await box.spoil(seen)
      if (typeof spoiled === 'object' && spoiled) {
        const { status, type = 'text/html', body } = spoiled
        return response.writeHead(status, { 'Content-Type': type }).end(body)
      }
      const hasBody = method !== 'GET' && seen.body !== ''
      const answer = await fetch(`${registryUrl()}${url}`, {
        method,
        headers: seen.headers,
        redirect: 'manual',
        ...(hasBody && { body: seen.body }),
      })
      const body = await answer.text()
      if (spoiled === 'connection') return response.destroy()
      if (spoiled === 'gateway') return response.writeHead(504).end('<html>Gateway timeout</html>')
      response.setHeaders(
        new Map([...answer.headers].filter(([name]) => !HOP_BY_HOP.includes(name))),
      )
      response.setHeader('Set-Cookie', answer.headers.getSetCookie())
      return response
        .writeHead(answer.status)
        .end(spoiled === 'text' ? body.slice(0, body.length / 2) : body)
    })().catch(() => response.destroy())
  })
  return { box, ...(await listen(server)) }
}
export type RegistryFront = Awaited<ReturnType<typeof registryFront>>
