/**
 * The internet, for the tests in workerd: every request that a Worker sends arrives here. `test/workers/world.ts`
 * sets the responses of URLs and reads the requests. A URL without a response cannot be reached.
 * Each runtime has its own internet.
 */

import type { Request } from 'miniflare'
import { Response } from 'miniflare'
import { CONTROLS, type Published, type Seen } from './workers/world.ts'

const BODILESS = [204, 304]

type World = Readonly<{ published: Map<string, Published>; requests: Seen[] }>

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

function bodyOf({ body = '', fillingBytes = 0, pieceBytes, pieceEveryMs = 0 }: Published) {
  const bytes = new TextEncoder().encode(body + ' '.repeat(fillingBytes))
  if (pieceBytes === undefined) return bytes
  let sent = 0
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      await wait(pieceEveryMs)
      if (sent >= bytes.length) return controller.close()
      controller.enqueue(bytes.slice(sent, sent + pieceBytes))
      sent += pieceBytes
    },
  })
}

async function control(request: Request, { published, requests }: World): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url)
  if (pathname === '/publish') {
    const all = (await request.json()) as [string, Published | null][]
    for (const [url, answer] of all) {
      if (answer === null) published.delete(url)
      else published.set(url, answer)
    }
    return Response.json({})
  }
  const host = searchParams.get('host')
  return Response.json(requests.filter(({ url }) => host === null || new URL(url).host === host))
}

async function answerOf(request: Request, world: World): Promise<Response> {
  if (new URL(request.url).origin === CONTROLS) return control(request, world)
  const { url, method } = request
  world.requests.push({
    url,
    method,
    headers: Object.fromEntries(request.headers),
    body: await request.text(),
  })
  const answer = world.published.get(request.url)
  // The response of Cloudflare for a host that it cannot reach.
  if (!answer) return new Response('', { status: 530 })
  if (answer.delayMs !== undefined) await wait(answer.delayMs)
  const { status = 200, headers = {} } = answer
  const body = BODILESS.includes(status) ? null : bodyOf(answer)
  return new Response(body as never, { status, headers: { ...headers } })
}

export function outboundWorld(): (request: Request) => Promise<Response> {
  const world: World = { published: new Map(), requests: [] }
  return (request) => answerOf(request, world)
}
