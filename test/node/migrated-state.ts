/** A state with every migration applied, made once for a test run, because the migrations take each `npm start` a second. */

import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfigs } from '../../src/local/deploy-problems.ts'
import { openState } from '../../src/local/state.ts'

const MIGRATED_STATE = 'MIGRATED_STATE'

/** Called by vitest for each project before its files. The first call makes the state. */
export default async function makeMigratedState() {
  if (process.env[MIGRATED_STATE] !== undefined) return
  const directory = await mkdtemp(join(tmpdir(), 'registry-migrated-'))
  const { close } = await openState(directory, readConfigs().registry)
  await close()
  process.env[MIGRATED_STATE] = directory
  return () => rm(directory, { recursive: true, force: true })
}

/** A new directory with a copy of the state. */
export async function migratedState(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'registry-'))
  const made = process.env[MIGRATED_STATE]
  if (made === undefined)
    throw new Error('test/node/migrated-state.ts is no globalSetup of this suite')
  await cp(made, directory, { recursive: true })
  return directory
}
