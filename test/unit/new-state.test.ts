/** A command that makes a new local state says so: `npm start` may use another STATE_DIR. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { noteNewState } from '../../src/cli/reach.ts'

function noteOn(stateDir: string, env: Record<string, string> = {}) {
  const lines: string[] = []
  noteNewState(stateDir, { env, stderr: { write: (text) => void lines.push(text) } })
  return lines
}

async function newFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'state-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return folder
}

it('a command without STATE_DIR says that no registry has run where it looks, and that it makes a new state', async () => {
  const missing = join(await newFolder(), 'state')
  expect(noteOn(missing)).toEqual([
    `note: no registry has run on ${missing}: a new, empty one is made there. If yours has another STATE_DIR, give it to this command too\n`,
  ])
})

it('a command with a STATE_DIR, or with a state that exists, says nothing about a new state', async () => {
  const folder = await newFolder()
  const missing = join(folder, 'state')
  expect(noteOn(missing, { STATE_DIR: missing })).toEqual([])
  expect(noteOn(folder)).toEqual([])
})
