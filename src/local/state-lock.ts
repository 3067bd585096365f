/** Which process may write the local state (only one, because SQLite has one writer), and which registry serves it. */

import { mkdirSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as wait } from 'node:timers/promises'
import { readIfPresent, writePrivateFile } from './files.ts'
import { oneLine, Refusal } from './refusal.ts'

const SQLITE_BUSY = 5
const ASK_EVERY_MS = 50
const WAIT_FOR_LOCK_MS = 60_000
const RETRY_FOR_MS = 10_000

const isLocked = (fault: unknown) =>
  fault instanceof Error && 'errcode' in fault && fault.errcode === SQLITE_BUSY

/** Does the fault, or a fault that it reports, say that another process kept a statement or a batch of D1 from writing? */
export const isBusy = (fault: unknown) => /SQLITE_BUSY|database is locked/.test(String(fault))

/** For work that may be done twice: while another process writes, D1 can fail to report the position of its session. */
export const isPerhapsBusy = (fault: unknown) =>
  isBusy(fault) || /Failed to get session commit token/.test(String(fault))

/** Opens the lock, which is the operating system's lock on an empty SQLite file: it ends with the process in every case. */
function openLock(path: string, what: string): DatabaseSync {
  try {
    mkdirSync(dirname(path), { recursive: true })
    return new DatabaseSync(path)
  } catch (fault) {
    throw new Refusal(`${what} cannot be used (${oneLine(fault)})`)
  }
}

/** Returns the function that releases the lock; null if another process has the lock. */
export const tryToLock = (stateDir: string) =>
  tryToLockFile(join(stateDir, 'lock'), `STATE_DIR: ${JSON.stringify(stateDir)}`)

/** Works as `tryToLock`. `what` begins the sentence which says that the file cannot be used. */
export function tryToLockFile(path: string, what: string): (() => void) | null {
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

/** `pid` is the id of the registry's process. */
export type RunningRegistry = Readonly<{
  pid: number
  issuer: string
  /** The address at which the registry itself listens; ISSUER may be the address of a proxy. */
  registryUrl: string
  authenticatorUrl: string
  /** Epoch seconds. */
  startedAt: number
}>

/** The file by which the command line finds the registry. It is for its owner alone. */
const announcement = (stateDir: string) => join(stateDir, 'admin.json')

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (fault) {
    return (fault as NodeJS.ErrnoException).code === 'EPERM'
  }
}

export const announceRegistry = (stateDir: string, running: RunningRegistry) =>
  writePrivateFile(announcement(stateDir), JSON.stringify(running))

export const withdrawAnnouncement = (stateDir: string) =>
  rm(announcement(stateDir), { force: true })

/** Null if no registry is announced, or if the process of the announced registry has ended. */
export async function findRunningRegistry(stateDir: string): Promise<RunningRegistry | null> {
  const text = await readIfPresent(announcement(stateDir))
  const running = text === null ? null : (JSON.parse(text) as RunningRegistry)
  return running && isAlive(running.pid) ? running : null
}

/** Tries again and again for a minute. `what` is in use as long as `find` returns null. */
async function untilFound<T>(what: string, find: () => T | null | Promise<T | null>): Promise<T> {
  const giveUpAt = performance.now() + WAIT_FOR_LOCK_MS
  for (;;) {
    const found = await find()
    if (found !== null) return found
    if (performance.now() > giveUpAt) throw new Refusal(`${what} is in use by another process`)
    await wait(ASK_EVERY_MS)
  }
}

type Claim =
  | Readonly<{ kind: 'claimed'; release: () => void }>
  | Readonly<{ kind: 'served'; by: RunningRegistry }>

/** Returns the lock, or the registry that serves the state. Waits a minute while neither is there, then throws a Refusal. */
export async function claimState(stateDir: string): Promise<Claim> {
  return untilFound(`STATE_DIR: ${stateDir}`, async () => {
    const release = tryToLock(stateDir)
    if (release) return { kind: 'claimed', release }
    const by = await findRunningRegistry(stateDir)
    return by && { kind: 'served', by }
  })
}

/** No other process runs work for this file meanwhile. Waits for at most a minute. Makes the folder for its owner alone. */
export async function withFileLocked<T>(path: string, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const release = await untilFound(path, () => tryToLockFile(`${path}.lock`, path))
  try {
    return await work()
  } finally {
    release()
  }
}

/**
 * Retries for the only writer that does not take the lock, `wrangler dev` on the same state. It must be harmless to repeat
 * `attempt`: a statement or a batch that met SQLITE_BUSY has written nothing. After ten seconds the fault is thrown.
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
