/** `npm start` on a new state, which is stopped and killed in every way, and the memory of its processes. */

import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as wait } from 'node:timers/promises'
import { inProject } from '../../src/local/project.ts'
import { freePorts } from '../../test/node/free-ports.ts'
import { endGroup, membersOf, mibOf, readProc } from '../process-group.ts'
import type { Sample } from './trend.ts'

export const RESTARTS = ['runtime killed', 'npm told to end', 'npm start killed'] as const
type Restart = (typeof RESTARTS)[number]

/** The last line of the output at the start, printed when both Workers serve. */
const READY = 'Ctrl-C ends both.'
const READY_WITHIN_MS = 60_000
const POLL_MS = 50

/** The time of a restart, during which a missing response is not wrong. `endMs` is infinite until the service serves again. */
type Window = { readonly how: Restart | 'start'; readonly startMs: number; endMs: number }

const isRuntime = (pid: number) => readProc(`${pid}/comm`).startsWith('workerd')
const isStart = (pid: number) => readProc(`${pid}/cmdline`).split('\0')[1] === 'src/local/start.ts'

async function until(isTrue: () => boolean | Promise<boolean>, what: string) {
  const giveUpAt = performance.now() + READY_WITHIN_MS
  while (!(await isTrue())) {
    if (performance.now() > giveUpAt) throw new Error(`${what} within ${READY_WITHIN_MS} ms`)
    await wait(POLL_MS)
  }
}

export async function startService(stateDir: string, jwtSecret: string) {
  const [port, authenticatorPort] = await freePorts(2)
  const registry = `http://127.0.0.1:${port}`
  const authenticator = `http://127.0.0.1:${authenticatorPort}`
  const env = {
    ...process.env,
    PORT: String(port),
    AUTHENTICATOR_PORT: String(authenticatorPort),
    STATE_DIR: stateDir,
    JWT_SECRET: jwtSecret,
    DEMO: '0',
  }
  const windows: Window[] = []
  const memory = { runtime: [] as Sample[], start: [] as Sample[], all: [] as Sample[] }
  let group = 0

  async function launch() {
    const child: ChildProcess = spawn('npm', ['start', '--silent', '--prefix', inProject('.')], {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env,
    })
    group = child.pid ?? 0
    let said = ''
    const hear = (text: unknown) => {
      said = `${said}${text}`.slice(-4000)
    }
    child.stdout?.on('data', hear)
    child.stderr?.on('data', hear)
    await until(() => {
      if (child.exitCode !== null) throw new Error(`npm start ended: ${said}`)
      return said.includes(READY)
    }, `npm start is not ready: ${said}`)
  }
  const members = () => membersOf(group)
  const isServed = (url: string) =>
    fetch(`${url}/healthz`).then(
      ({ ok }) => ok,
      () => false,
    )

  /** Samples the memory of the current processes. A restart deletes the samples of the earlier processes. */
  function sample() {
    const atMs = Date.now()
    const pids = members()
    const sum = (some: readonly number[]) =>
      some.reduce((total, pid) => total + mibOf(pid, 'VmRSS'), 0)
    memory.runtime.push({ atMs, mib: sum(pids.filter(isRuntime)) })
    memory.start.push({ atMs, mib: sum(pids.filter(isStart)) })
    memory.all.push({ atMs, mib: sum(pids) })
  }
  const sampling = setInterval(sample, 1000)

  async function during(how: Window['how'], work: () => Promise<void>) {
    const window: Window = { how, startMs: Date.now(), endMs: Number.POSITIVE_INFINITY }
    windows.push(window)
    await work()
    window.endMs = Date.now()
    for (const series of Object.values(memory)) series.length = 0
  }

  const bringDown: Record<Restart, () => Promise<void>> = {
    async 'npm told to end'() {
      process.kill(group, 'SIGTERM')
      await until(() => members().length === 0, 'npm start has not ended')
      await launch()
    },
    async 'npm start killed'() {
      const [start] = members().filter(isStart)
      if (start !== undefined) process.kill(start, 'SIGKILL')
      await until(() => members().length === 0, 'npm start has left something behind')
      await launch()
    },
    async 'runtime killed'() {
      const [runtime] = members().filter(isRuntime)
      if (runtime !== undefined) process.kill(runtime, 'SIGKILL')
      const isNew = (pid: number) => isRuntime(pid) && pid !== runtime
      const isBack = async () =>
        members().some(isNew) && (await isServed(registry)) && (await isServed(authenticator))
      await until(isBack, 'the runtime has not come back')
    },
  }

  await during('start', launch)
  return {
    registry,
    authenticator,
    env,
    memory,
    windows,
    restart: (how: Restart) => during(how, bringDown[how]),
    /** Whether the service was restarting at any time from `begunMs` to `endedMs`. */
    wasDown: (begunMs: number, endedMs: number) =>
      windows.some(({ startMs, endMs }) => begunMs <= endMs && endedMs >= startMs),
    end() {
      clearInterval(sampling)
      endGroup(group)
    },
  }
}

export type Service = Awaited<ReturnType<typeof startService>>
