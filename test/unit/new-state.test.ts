/** A command that makes a new local state says so: `npm start` may use another STATE_DIR. */

import { existsSync } from 'node:fs'
import { expect, it, vi } from 'vitest'
import { withApi } from '../../src/cli/reach.ts'

const MISSING = '/nowhere/.wrangler/state'
vi.mock('../../src/local/project.ts', async (original) => ({
  ...(await original<typeof import('../../src/local/project.ts')>()),
  stateDirectory: (env: { STATE_DIR?: string }) => env.STATE_DIR ?? '/nowhere/.wrangler/state',
}))
// Nothing is made: each command ends here.
vi.mock('../../src/local/state-lock.ts', () => ({
  claimState: () => Promise.reject(new Error('as far as the lock')),
}))

async function toldBy(env: Record<string, string>) {
  let told = ''
  const stderr = { write: (text: string) => (told += text) }
  const asked = withApi({ remote: false, env, stderr }, async () => null)
  await expect(asked).rejects.toThrow('as far as the lock')
  return told
}

it('a command without STATE_DIR says that no registry has run where it looks, and that it makes a new one', async () => {
  expect(existsSync(MISSING)).toBe(false)
  expect(await toldBy({})).toBe(
    `note: no registry has run on ${MISSING}: a new, empty one is made there. If yours has another STATE_DIR, give it to this command too\n`,
  )
})

it('a command with a STATE_DIR, which may be new, says nothing about it', async () => {
  expect(await toldBy({ STATE_DIR: '/nowhere/else' })).toBe('')
})
