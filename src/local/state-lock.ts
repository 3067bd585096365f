/** Who may write the local state: one process at a time, since SQLite has one writer. */

import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as wait } from 'node:timers/promises'
import { oneLine, Refusal } from './refusal.ts'
import { findRunningRegistry, type RunningRegistry } from './running-registry.ts'

const SQLITE_BUSY = 5
const ASK_EVERY_MS = 50
const WAIT_FOR_LOCK_MS = 60_000
const RETRY_FOR_MS = 10_000

const isLocked = (fault: unknown) =>
  fault instanceof Error && 'errcode' in fault && fault.errcode === SQLITE_BUSY

/** Is this, or does it tell of, a statement or a batch of D1 that another process kept from writing? */
export const isBusy = (fault: unknown) => /SQLITE_BUSY|database is locked/.test(String(fault))

/** The same for work that may also be repeated if it was done: D1 can fail to say where its session is while another process writes. */
export const isPerhapsBusy = (fault: unknown) =>
  isBusy(fault) || /Failed to get session commit token/.test(String(fault))

/** The lock is the operating system's, on an empty SQLite file: it ends with the process however that ends. */
function openLock(path: string, what: string): DatabaseSync {
  try {
    mkdirSync(dirname(path), { recursive: true })
    return new DatabaseSync(path)
  } catch (fault) {
    throw new Refusal(`${what} cannot be used (${oneLine(fault)})`)
  }
}

/** Returns what releases the lock; null if another process has it. */
export const tryToLock = (stateDir: string) =>
  tryToLockFile(join(stateDir, 'lock'), `STATE_DIR: ${JSON.stringify(stateDir)}`)

/** `what` begins the sentence that says that the file cannot be used. */
function tryToLockFile(path: string, what: string): (() => void) | null {
  const file = openLock(path, what)
  try {
    file.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  } catch (fault) {
    file.close()
    if (isLocked(fault)) return null
    throw fault
  }
  return () => file.close()
}

type Claim =
  | Readonly<{ kind: 'claimed'; release: () => void }>
  | Readonly<{ kind: 'served'; by: RunningRegistry }>

/**
 * The lock, or the registry that has it and serves the state. Waits for another command, and for a registry that is
 * just starting; after a minute it throws a Refusal.
 */
export async function claimState(stateDir: string): Promise<Claim> {
  const giveUpAt = performance.now() + WAIT_FOR_LOCK_MS
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

/** Runs `work` while no other process runs any for this file. Waits for at most a minute. */
export async function withFileLocked<T>(path: string, work: () => Promise<T>): Promise<T> {
  const giveUpAt = performance.now() + WAIT_FOR_LOCK_MS
  for (;;) {
    const release = tryToLockFile(`${path}.lock`, path)
    if (release) {
      try {
        return await work()
      } finally {
        release()
      }
    }
    if (performance.now() > giveUpAt) throw new Refusal(`${path} is in use by another process`)
    await wait(ASK_EVERY_MS)
  }
}

/**
 * For the one writer that does not take the lock, `wrangler dev` on the same state. `attempt` must be harmless to repeat:
 * a statement or a batch that met SQLITE_BUSY has written nothing. After ten seconds the fault is thrown.
 */
export async function retryWhenBusy<T>(attempt: () => Promise<T>, mayRetry = isBusy): Promise<T> {
  const giveUpAt = performance.now() + RETRY_FOR_MS
  for (;;) {
    try {
      return await attempt()
    } catch (fault) {
      if (!mayRetry(fault) || performance.now() > giveUpAt) throw fault
      await wait(20 + Math.random() * 80)
    }
  }
}
