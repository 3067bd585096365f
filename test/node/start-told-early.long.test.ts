/** `npm start` that is interrupted while it starts. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { inProject } from '../../src/local/project.ts'
import { freshEnv, isServed } from './starting.ts'

it.each<[string, (port: string, stateDir: string) => Promise<boolean>]>([
  ['has taken its state', async (_, stateDir) => (await readdir(stateDir)).length > 0],
  ['first answers', (port) => isServed(port)],
])('npm start that is interrupted as soon as it %s stops both servers', async (_, hasCome) => {
  const own = await freshEnv()
  const { PORT, STATE_DIR } = own
  const env = { ...process.env, ...own, DEMO: '0' }
  const child = spawn(process.execPath, [inProject('src/local/start.ts')], {
    env,
    stdio: 'ignore',
  })
  const over = once(child, 'exit')
  try {
    await expect.poll(() => hasCome(PORT, STATE_DIR), { interval: 2 }).toBe(true)
    child.kill('SIGTERM')
    // 128 + 15: the signal arrived before npm start handled signals.
    expect([0, 143]).toContain((await over)[0])
    expect(await isServed(PORT)).toBe(false)
  } finally {
    child.kill('SIGKILL')
  }
})
