/** Who may write the local state, one process at a time, since SQLite has one writer; and which registry serves it. */

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

/** The same for work that may also be repeated if it was done: D1 can fail to say where its session is while another process writes. */
export const isPerhapsBusy = (fault: unknown) =>
  isBusy(fault) || /Failed to get session commit token/.test(String(fault))

/** The lock is the operating system's, on an empty SQLite file: it ends with the process in every case. */
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

/** As `tryToLock`. `what` begins the sentence that says that the file cannot be used. */
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

/** `pid` of its process. */
export type RunningRegistry = Readonly<{
  pid: number
  issuer: string
  /** Where the registry itself listens; ISSUER may be the address of a proxy. */
  registryUrl: string
  authenticatorUrl: string
  /** Epoch seconds. */
  startedAt: number
}>

/** How the command line finds the registry: for its owner alone. */
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

/** Null if none is announced, or only one whose process is gone. */
export async function findRunningRegistry(stateDir: string): Promise<RunningRegistry | null> {
  const text = await readIfPresent(announcement(stateDir))
  const running = text === null ? null : (JSON.parse(text) as RunningRegistry)
  return running && isAlive(running.pid) ? running : null
}

/** Asks again and again, for a minute. `what` is in use as long as it finds nothing. */
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

/**
 * The lock, or the registry that has it and serves the state. Waits for another command, and for a registry that is
 * just starting; after a minute it throws a Refusal.
 */
export async function claimState(stateDir: string): Promise<Claim> {
  return untilFound(`STATE_DIR: ${stateDir}`, async () => {
    const release = tryToLock(stateDir)
    if (release) return { kind: 'claimed', release }
    const by = await findRunningRegistry(stateDir)
    return by && { kind: 'served', by }
  })
}

/**
 * Runs `work` while no other process runs any for this file. Waits for at most a minute. The file's folder is made for its
 * owner alone where it is missing.
 */
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
