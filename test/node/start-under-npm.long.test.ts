/** `npm start` as a child of npm: ending npm ends both servers, even if npm's shell passes no signal on. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { inProject } from '../../src/local/project.ts'
import { freePorts } from './free-ports.ts'
import { startProgram } from './program.ts'

const isServed = (port: string) =>
  fetch(`http://127.0.0.1:${port}/healthz`).then(
    ({ ok }) => ok,
    () => false,
  )

it('ending npm ends both servers of npm start', async () => {
  const [PORT, AUTHENTICATOR_PORT] = (await freePorts(2)).map(String) as [string, string]
  const STATE_DIR = await mkdtemp(join(tmpdir(), 'registry-'))
  const npm = startProgram('npm', ['start', '--prefix', inProject('.')], {
    PORT,
    AUTHENTICATOR_PORT,
    STATE_DIR,
    DEMO: '0',
  })
  try {
    await npm.untilPrints('Ctrl-C ends both.')
    expect([await isServed(PORT), await isServed(AUTHENTICATOR_PORT)]).toEqual([true, true])
    await npm.end()
    const served = async () => [await isServed(PORT), await isServed(AUTHENTICATOR_PORT)]
    await expect.poll(served, { timeout: 10_000 }).toEqual([false, false])
  } finally {
    await npm.end()
    await rm(STATE_DIR, { recursive: true, force: true })
  }
})
