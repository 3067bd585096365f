/** An HTTP proxy that forwards every request unchanged and records request and response. */

import { once } from 'node:events'
import { createServer, type IncomingMessage, request as send } from 'node:http'
import type { Exchange } from './exchange.ts'
import { HOST } from './free-ports.ts'
import { listen } from './listen.ts'

async function bytesOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks)
}

const headerLines = (raw: readonly string[]) =>
  raw.map((text, i) => (i % 2 === 0 ? `${text}: ` : `${text}\n`)).join('')

export type RecordingProxy = Readonly<{ origin: string; close: () => Promise<void> }>

/** Forwards requests to that port. */
export async function recordingProxy(
  targetPort: number,
  hear: (exchange: Exchange) => void,
): Promise<RecordingProxy> {
  const server = createServer(async (asked, reply) => {
    try {
      const body = await bytesOf(asked)
      const { method = '', url = '', rawHeaders: headers } = asked
      const passed = send({ host: HOST, port: targetPort, method, path: url, headers })
      passed.end(body)
      const [answered] = (await once(passed, 'response')) as [IncomingMessage]
      const answer = await bytesOf(answered)
      hear({
        request: `${method} ${url.split('?')[0]}`,
        sent: asked.headers as Record<string, string>,
        body: body.toString(),
        answer: `${answered.statusCode}\n${headerLines(answered.rawHeaders)}\n${answer}`,
      })
      reply.writeHead(answered.statusCode ?? 502, answered.rawHeaders).end(answer)
    } catch {
      // The server behind the proxy has stopped, so nobody waits for the response.
      asked.destroy()
    }
  })
  const { url, close } = await listen(server)
  return { origin: url, close }
}
