/** Debian's Authlib against a running registry. */

import { afterAll, beforeAll } from 'vitest'
import { describeLibrary } from '../node/client-library-suite.ts'
import { type RunningRegistry, startRegistry } from '../node/running-registry.ts'
import { authlib, requireAuthlib } from './authlib.ts'

let running: RunningRegistry

beforeAll(async () => {
  await requireAuthlib()
  running = await startRegistry()
})

afterAll(() => running?.end())

describeLibrary('Authlib', authlib, () => running)
