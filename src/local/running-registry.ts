/** How the command line finds the registry that serves this state: `admin.json`, for its owner alone. */

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readIfPresent, writePrivateFile } from './files.ts'

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

const fileIn = (stateDir: string) => join(stateDir, 'admin.json')

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (fault) {
    return (fault as NodeJS.ErrnoException).code === 'EPERM'
  }
}

export const announceRegistry = (stateDir: string, running: RunningRegistry) =>
  writePrivateFile(fileIn(stateDir), JSON.stringify(running))

export const withdrawAnnouncement = (stateDir: string) => rm(fileIn(stateDir), { force: true })

/** Null if none is announced, or only one whose process is gone. */
export async function findRunningRegistry(stateDir: string): Promise<RunningRegistry | null> {
  const text = await readIfPresent(fileIn(stateDir))
  const running = text === null ? null : (JSON.parse(text) as RunningRegistry)
  return running && isAlive(running.pid) ? running : null
}
