/** `npm start` whose processes are killed: no process remains, and no data is lost. */

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type RunningStart, runAdmin, startRegistry } from './project-programs.ts'
import { type Env, freshEnv, isServed } from './starting.ts'

let env: Env
let running: RunningStart
beforeEach(async () => {
  env = { ...(await freshEnv()), DEMO: '0' }
  running = await startRegistry(env)
})
afterEach(async () => {
  if (running.child.exitCode === null) await running.stop()
})

/** The ids of the Workers runtimes of a process. */
async function runtimesOf(pid = 0): Promise<number[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,comm='])
  return stdout
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, parent, name = '']) => Number(parent) === pid && name.includes('workerd'))
    .map(([id]) => Number(id))
}

async function newToken(): Promise<string> {
  const words = ['client', 'create', '--name', 'N', '--owner', 'u', '--scope', 'a:b', '--json']
  const { stdout, stderr } = await runAdmin(words, env)
  expect(stderr).toBe('note: not declared, so the consent page shows only the name: a:b\n')
  const body = new URLSearchParams({ grant_type: 'client_credentials', ...JSON.parse(stdout) })
  const response = await fetch(`http://127.0.0.1:${env.PORT}/token`, { method: 'POST', body })
  return ((await response.json()) as { access_token: string }).access_token
}

const check = (token: string) =>
  fetch(`http://127.0.0.1:${env.AUTHENTICATOR_PORT}/auth`, {
    headers: { Authorization: `Bearer ${token}` },
  }).then(({ status }) => status)

it('killing npm start stops both servers, and every session is valid after the next start', async () => {
  const token = await newToken()
  running.child.kill('SIGKILL')
  await running.ended
  await expect.poll(() => isServed(env.PORT)).toBe(false)
  expect(await isServed(env.AUTHENTICATOR_PORT)).toBe(false)

  running = await startRegistry(env)
  expect(await check(token)).toBe(200)
})

it('npm start and the command line work again after the runtime is killed', async () => {
  const token = await newToken()
  const [runtime] = await runtimesOf(running.child.pid)
  process.kill(runtime ?? 0, 'SIGKILL')
  const others = async () =>
    (await runtimesOf(running.child.pid)).some((pid) => pid !== runtime) && isServed(env.PORT)
  await expect.poll(others).toBe(true)

  expect(await check(token)).toBe(200)
  expect(await check(await newToken())).toBe(200)
})
