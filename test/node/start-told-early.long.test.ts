/** `npm start` that is interrupted while it starts. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, rm } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { inProject } from '../../src/local/project.ts'
import { temporaryDirectory } from './command-line.ts'
import { freePorts } from './free-ports.ts'

const isServed = (port: string) =>
  fetch(`http://127.0.0.1:${port}/healthz`).then(
    ({ ok }) => ok,
    () => false,
  )

it.each<[string, (port: string, stateDir: string) => Promise<boolean>]>([
  ['has taken its state', async (_, stateDir) => (await readdir(stateDir)).length > 0],
  ['first answers', (port) => isServed(port)],
])('npm start that is interrupted as soon as it %s ends and cleans up', async (_, hasCome) => {
  const [PORT, AUTHENTICATOR_PORT] = (await freePorts(2)).map(String) as [string, string]
  const STATE_DIR = await temporaryDirectory()
  const env = { ...process.env, PORT, AUTHENTICATOR_PORT, STATE_DIR, DEMO: '0' }
  const child = spawn(process.execPath, [inProject('src/local/start.ts')], {
    env,
    stdio: 'ignore',
  })
  const over = once(child, 'exit')
  try {
    await expect.poll(() => hasCome(PORT, STATE_DIR), { timeout: 30_000, interval: 2 }).toBe(true)
    child.kill('SIGTERM')
    // 128 + 15: the signal came before there was anything to clean up.
    expect([0, 143]).toContain((await over)[0])
    expect(await isServed(PORT)).toBe(false)
  } finally {
    child.kill('SIGKILL')
    await rm(STATE_DIR, { recursive: true, force: true })
  }
})
