/** The local state for the life of this process, or whoever serves it. */

import { setTimeout as wait } from 'node:timers/promises'
import { Refusal } from './refusal.ts'
import { findRunningRegistry, type RunningRegistry } from './running-registry.ts'
import { tryToLock } from './state-lock.ts'

const ASK_EVERY_MS = 50
const GIVE_UP_AFTER_MS = 60_000

export type Claim =
  | Readonly<{ kind: 'claimed'; release: () => void }>
  | Readonly<{ kind: 'served'; by: RunningRegistry }>

/**
 * Waits for a command of the administrator that is at work, and for a registry that is just starting. Throws a
 * Refusal after a minute.
 */
export async function claimState(stateDir: string): Promise<Claim> {
  const giveUpAt = performance.now() + GIVE_UP_AFTER_MS
  for (;;) {
    const release = tryToLock(stateDir)
    if (release) return { kind: 'claimed', release }
    const by = await findRunningRegistry(stateDir)
    if (by) return { kind: 'served', by }
    if (performance.now() > giveUpAt) {
      throw new Refusal(`STATE_DIR: ${stateDir} is in use by another process`)
    }
    await wait(ASK_EVERY_MS)
  }
}
