/** Small files that hold a secret: for their owner's eyes, and never seen half-written. */

import { readFile, rename, writeFile } from 'node:fs/promises'

const OWNER_ONLY = 0o600

export async function writePrivateFile(path: string, text: string) {
  const draft = `${path}.${process.pid}`
  await writeFile(draft, text, { mode: OWNER_ONLY })
  await rename(draft, path)
}

/** Null if there is no such file. */
export const readIfPresent = (path: string) =>
  readFile(path, 'utf8').catch((fault: NodeJS.ErrnoException) => {
    if (fault.code === 'ENOENT') return null
    throw fault
  })
