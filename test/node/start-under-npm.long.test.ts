/** `npm start` as a child of npm: both servers stop with npm, even if npm's shell forwards no signal. */

import { expect, it } from 'vitest'
import { inProject } from '../../src/local/project.ts'
import { startProgram } from './program.ts'
import { freshEnv, isServed } from './starting.ts'

it('both servers of npm start stop when npm is stopped', async () => {
  const env = await freshEnv()
  const { PORT, AUTHENTICATOR_PORT } = env
  const npm = startProgram('npm', ['start', '--prefix', inProject('.')], { ...env, DEMO: '0' })
  try {
    await npm.untilPrints('Ctrl-C ends both.')
    expect([await isServed(PORT), await isServed(AUTHENTICATOR_PORT)]).toEqual([true, true])
    await npm.end()
    const served = async () => [await isServed(PORT), await isServed(AUTHENTICATOR_PORT)]
    await expect.poll(served).toEqual([false, false])
  } finally {
    await npm.end()
  }
})
