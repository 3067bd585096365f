/** `npm start` on a new state and on free ports. */

import { rm } from 'node:fs/promises'
import { afterAll, beforeAll } from 'vitest'
import { temporaryDirectory } from './command-line.ts'
import { freePorts } from './free-ports.ts'
import { type RunningStart, runProgram, startRegistry } from './project-programs.ts'

export type Env = Record<string, string> &
  Readonly<{ PORT: string; AUTHENTICATOR_PORT: string; STATE_DIR: string }>

/** A new state, which is removed after the tests of the file. */
export async function freshEnv(): Promise<Env> {
  const [port, authenticatorPort] = await freePorts(2)
  const stateDir = await temporaryDirectory()
  directories.push(stateDir)
  return { PORT: String(port), AUTHENTICATOR_PORT: String(authenticatorPort), STATE_DIR: stateDir }
}
const directories: string[] = []
afterAll(() => Promise.all(directories.map((path) => rm(path, { recursive: true, force: true }))))

export let env: Env
export let running: RunningStart
/** Registers hooks: `npm start` for the tests of a `describe`. */
export function useStart() {
  beforeAll(async () => {
    env = await freshEnv()
    running = await startRegistry(env)
  })
  afterAll(stop)
}
const stop = async () => {
  if (running.child.exitCode === null) await running.stop()
}
export async function restart() {
  await stop()
  running = await startRegistry(env)
}

export async function refusedStart(env: Record<string, string>) {
  const program = runProgram('src/local/start.ts', [], env)
  const status = await program.ended
  return { status, ...program.said() }
}

/** Whether a server answers on this port of the machine. */
export const isServed = (port: string) =>
  fetch(`http://127.0.0.1:${port}/healthz`).then(
    ({ ok }) => ok,
    () => false,
  )

export const printed = (text: string, pattern: RegExp) => pattern.exec(text)?.[0] ?? ''
