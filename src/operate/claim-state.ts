/** The state for the life of this process, or a line that says who has it. */

import { setTimeout as wait } from 'node:timers/promises'
import { Refusal } from './refusal.ts'
import { findRunningRegistry } from './running-registry.ts'
import { tryToLock } from './state-lock.ts'

const ASK_EVERY_MS = 50
const GIVE_UP_AFTER_MS = 30_000

/**
 * The verb that gives it back. A command of the administrator is waited for; a running registry is not. Throws a
 * Refusal.
 */
export async function claimState(stateDir: string): Promise<() => void> {
  const giveUpAt = performance.now() + GIVE_UP_AFTER_MS
  for (;;) {
    const release = tryToLock(stateDir)
    if (release) return release
    const running = await findRunningRegistry(stateDir)
    if (running) {
      throw new Refusal(
        `STATE_DIR: ${stateDir} is already served by another npm start (process ${running.pid})`,
      )
    }
    if (performance.now() > giveUpAt) {
      throw new Refusal(`STATE_DIR: ${stateDir} is in use by another process`)
    }
    await wait(ASK_EVERY_MS)
  }
}
