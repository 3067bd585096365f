/** Profiles an operation with V8's sampling profiler in workerd, on storage in memory. */

import { freePorts, HOST } from '../test/node/free-ports.ts'
import { table } from './figures.ts'
import type { Options } from './options.ts'
import { startLoad, startServer } from './processes.ts'

type Frame = Readonly<{ functionName: string; url: string; lineNumber: number }>
type Node = Readonly<{ id: number; callFrame: Frame; children?: readonly number[] }>
type Profile = Readonly<{
  nodes: readonly Node[]
  samples: readonly number[]
  timeDeltas: readonly number[]
}>

const WARM_UP_REQUESTS = 4000
const REQUESTS = 12_000
const SAMPLE_EVERY_US = 100
const SHOWN = 45

async function openInspector(port: number, worker: string) {
  const socket = new WebSocket(`ws://${HOST}:${port}/${worker}`)
  await new Promise((opened, failed) => {
    socket.addEventListener('open', opened)
    socket.addEventListener('error', failed)
  })
  let last = 0
  const ask = <T>(method: string, params: object = {}) =>
    new Promise<T>((answered) => {
      last += 1
      const id = last
      socket.addEventListener('message', function hear({ data }) {
        const told = JSON.parse(String(data)) as { id?: number; result?: T }
        if (told.id !== id) return
        socket.removeEventListener('message', hear)
        answered(told.result as T)
      })
      socket.send(JSON.stringify({ id, method, params }))
    })
  return { ask, close: () => socket.close() }
}

/** The microseconds of each function, without and with the functions that it calls. */
function summarize({ nodes, samples, timeDeltas }: Profile) {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const parents = new Map<number, number>()
  for (const { id, children = [] } of nodes) for (const child of children) parents.set(child, id)
  const nameOf = ({ callFrame }: Node) =>
    `${callFrame.functionName || '(anonymous)'}${callFrame.lineNumber > 0 ? `:${callFrame.lineNumber + 1}` : ''}`
  const own = new Map<string, number>()
  const whole = new Map<string, number>()
  const add = (to: Map<string, number>, name: string, us: number) =>
    to.set(name, (to.get(name) ?? 0) + us)
  samples.forEach((sample, index) => {
    const us = timeDeltas[index] ?? 0
    const node = byId.get(sample)
    if (!node) return
    add(own, nameOf(node), us)
    const seen = new Set<string>()
    for (let id: number | undefined = sample; id !== undefined; id = parents.get(id)) {
      const name = nameOf(byId.get(id) ?? node)
      if (!seen.has(name)) add(whole, name, us)
      seen.add(name)
    }
  })
  return { own, whole }
}

export async function profile({ only, pace }: Options): Promise<void> {
  const [operation = 'token_warm', who = 'registry'] = only
  const [inspectorPort = 0] = await freePorts(1)
  const server = await startServer(['servers/workers.ts', who, 'memory', String(inspectorPort)])
  const load = startLoad()
  const port = server.ports[operation] ?? 0
  const order = { port, operation, connections: pace.connections, group: server.group }
  await load.run({ ...order, requests: WARM_UP_REQUESTS })
  const inspector = await openInspector(inspectorPort, `core:user:${operation.replace('_', '-')}`)
  await inspector.ask('Profiler.enable')
  await inspector.ask('Profiler.setSamplingInterval', { interval: SAMPLE_EVERY_US })
  await inspector.ask('Profiler.start')
  const slice = await load.run({ ...order, requests: REQUESTS })
  const { profile: taken } = await inspector.ask<{ profile: Profile }>('Profiler.stop')
  inspector.close()
  const { own, whole } = summarize(taken)
  const perRequest = (us: number | undefined) => ((us ?? 0) / slice.requests).toFixed(2)
  const most = (of: Map<string, number>) => [...of].sort(([, a], [, b]) => b - a).slice(0, SHOWN)
  console.log(
    `${who}, ${operation}: microseconds a request, without and with the functions that it calls\n`,
  )
  console.log(
    table(
      ['function', 'own', 'whole'],
      most(own).map(([name, us]) => [name, perRequest(us), perRequest(whole.get(name))]),
    ),
  )
  console.log()
  console.log(
    table(
      ['function', 'whole', 'own'],
      most(whole).map(([name, us]) => [name, perRequest(us), perRequest(own.get(name))]),
    ),
  )
  server.end()
  load.end()
}
