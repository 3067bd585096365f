/** Starts each server as a process group on one core, and the load on another core. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Order, Slice, Told } from './load.ts'
import type { Ready } from './operations.ts'
import { continueGroup, endGroup, stopGroup } from './process-group.ts'

const READY_WITHIN_MS = 120_000

export const canPin =
  availableParallelism() > 1 && spawnSync('taskset', ['--version']).error === undefined

const SERVER_CORE = '0'
const LOAD_CORE = '1'

const pinned = (core: string, words: readonly string[]): [string, string[]] =>
  canPin ? ['taskset', ['-c', core, process.execPath, ...words]] : [process.execPath, [...words]]

export type Server = Readonly<{
  group: number
  ports: Ready['ports']
  stop: () => void
  go: () => void
  end: () => void
}>

const running = new Set<number>()
const forget = (group: number) => {
  running.delete(group)
  endGroup(group)
}
process.on('exit', () => running.forEach(forget))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))

/** `words`: the path of the server's program in bench/, and its arguments. Resolves when the server serves. */
export async function startServer(words: readonly string[]): Promise<Server> {
  const [program = '', ...more] = words
  const [command, given] = pinned(SERVER_CORE, [resolve(import.meta.dirname, program), ...more])
  const child = spawn(command, given, {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_ENV: 'production' },
  })
  const group = child.pid
  if (group === undefined) throw new Error(`${words.join(' ')} does not start`)
  running.add(group)
  const { ports } = await readyLine(child, words.join(' '))
  return {
    group,
    ports,
    stop: () => stopGroup(group),
    go: () => continueGroup(group),
    end: () => forget(group),
  }
}

const readyLine = (child: ChildProcess, what: string) =>
  new Promise<Ready>((ready, failed) => {
    const late = setTimeout(() => failed(new Error(`${what} is not ready`)), READY_WITHIN_MS)
    child.once('exit', (code) => {
      clearTimeout(late)
      failed(new Error(`${what} ended with ${code}`))
    })
    if (!child.stdout) return failed(new Error(`${what} says nothing`))
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (!line.startsWith('{"ports"')) return
      clearTimeout(late)
      ready(JSON.parse(line) as Ready)
    })
  })

export type Load = Readonly<{ run: (order: Order) => Promise<Slice>; end: () => void }>

export function startLoad(): Load {
  const [command, given] = pinned(LOAD_CORE, [resolve(import.meta.dirname, 'load.ts')])
  const child = spawn(command, given, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  return {
    run: (order) =>
      new Promise((settle, failed) => {
        child.once('message', (told: Told) =>
          'slice' in told ? settle(told.slice) : failed(new Error(told.fault)),
        )
        child.send(order)
      }),
    end: () => child.disconnect(),
  }
}
