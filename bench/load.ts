/** The load, a separate process: for each order it fetches the prepared requests, sends them and reports the times. */

import { type Connection, openConnection } from './load-client.ts'
import { HANDOUT_PATH, type Handout } from './operations.ts'
import { cpuSecondsOf, membersOf } from './process-group.ts'

export type Order = Readonly<{
  port: number
  operation: string
  requests: number
  connections: number
  /** The process group whose CPU time is read. */
  group: number
}>

export type Slice = Readonly<{ requests: number; seconds: number; cpuSeconds: number }>
export type Told = Readonly<{ slice: Slice } | { fault: string }>

async function handedOut({ port, operation, requests }: Order): Promise<Handout> {
  const query = new URLSearchParams({ operation, n: String(requests) })
  const response = await fetch(`http://127.0.0.1:${port}${HANDOUT_PATH}?${query}`)
  const text = await response.text()
  if (response.status !== 200)
    throw new Error(`the server hands out nothing: ${text.slice(0, 600)}`)
  return JSON.parse(text) as Handout
}

async function run(order: Order): Promise<Slice> {
  const { requests: texts, once, status, text } = await handedOut(order)
  const requests = texts.map((one) => Buffer.from(one))
  if (once && requests.length < order.requests) throw new Error('too few requests were handed out')
  const connections = await Promise.all(
    Array.from({ length: order.connections }, () => openConnection(order.port, { status, text })),
  )
  let sent = 0
  const drive = async ({ send }: Connection) => {
    while (sent < order.requests) {
      const request = requests[sent % requests.length]
      sent += 1
      const wrong = await send(request as Buffer)
      if (wrong !== null) throw new Error(`a wrong answer: ${wrong}`)
    }
  }
  const pids = membersOf(order.group)
  const cpuBefore = cpuSecondsOf(pids)
  const startedAt = performance.now()
  try {
    await Promise.all(connections.map(drive))
    const seconds = (performance.now() - startedAt) / 1000
    return { requests: order.requests, seconds, cpuSeconds: cpuSecondsOf(pids) - cpuBefore }
  } finally {
    for (const { close } of connections) close()
  }
}

process.on('message', (order: Order) => {
  run(order).then(
    (slice) => process.send?.({ slice } satisfies Told),
    (fault: unknown) => process.send?.({ fault: String(fault) } satisfies Told),
  )
})
process.on('disconnect', () => process.exit(0))
