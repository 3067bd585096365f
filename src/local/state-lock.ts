/**
 * Who may write the local state: one process at a time, since two would get SQLITE_BUSY. The lock is the
 * operating system's, on an empty SQLite file, so it ends with the process however that ends.
 */

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { oneLine, Refusal } from './refusal.ts'

const SQLITE_BUSY = 5

const isBusy = (fault: unknown) =>
  fault instanceof Error && 'errcode' in fault && fault.errcode === SQLITE_BUSY

function openLock(stateDir: string): DatabaseSync {
  try {
    mkdirSync(stateDir, { recursive: true })
    return new DatabaseSync(join(stateDir, 'lock'))
  } catch (fault) {
    throw new Refusal(`STATE_DIR: ${JSON.stringify(stateDir)} cannot be used (${oneLine(fault)})`)
  }
}

/** The verb that gives the lock back; null if another process holds it. */
export function tryToLock(stateDir: string): (() => void) | null {
  const file = openLock(stateDir)
  try {
    file.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  } catch (fault) {
    file.close()
    if (isBusy(fault)) return null
    throw fault
  }
  return () => file.close()
}
