/** Puts temporary files into memory, so that SQLite does not wait for a disk. This saves a tenth to a quarter of the time of the tests. */

import { mkdtempSync, rmSync, statfsSync } from 'node:fs'

const MEMORY = '/dev/shm'
/** A test run uses less than a tenth of this space. */
const ENOUGH_BYTES = 4 * 2 ** 30

function hasRoom(): boolean {
  try {
    const { bavail, bsize } = statfsSync(MEMORY)
    return bavail * bsize >= ENOUGH_BYTES
  } catch {
    return false
  }
}

/** Called by vitest for each project before its files. Does not change a TMPDIR that is already set. */
export default function putFilesInMemory() {
  if (process.env.TMPDIR || !hasRoom()) return
  const directory = mkdtempSync(`${MEMORY}/registry-tests-`)
  process.env.TMPDIR = directory
  return () => rmSync(directory, { recursive: true, force: true })
}
