/** Small files: those that hold a secret are for their owner alone, and what a person wrote is UTF-8. */

import { chmod, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { Refusal } from './refusal.ts'

const OWNER_ONLY = 0o600

/** Renames a complete file into place, so that no reader sees half of one. A draft that is there may be another user's. */
export async function writePrivateFile(path: string, text: string) {
  const draft = `${path}.${process.pid}`
  await rm(draft, { force: true })
  await writeFile(draft, text, { flag: 'wx', mode: OWNER_ONLY })
  await rename(draft, path)
}

/** The value of JSON text; null for text that is none. */
export function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** Null if there is no such file. */
export const readIfPresent = (path: string) =>
  readFile(path, 'utf8').catch((fault: NodeJS.ErrnoException) => {
    if (fault.code === 'ENOENT') return null
    throw fault
  })

export const makePrivate = (path: string) => chmod(path, OWNER_ONLY)

/** Without a byte order mark. Bytes that are not UTF-8 are a Refusal that names `what`. */
export function utf8Text(what: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes)
  } catch {
    throw new Refusal(`${what} is not UTF-8 text: save it as UTF-8`)
  }
}

/** The text of a file that a person named. `what` begins the Refusal of a file that cannot be read or is not UTF-8. */
export async function readText(what: string, file: string): Promise<string> {
  const bytes = await readFile(file).catch((fault: NodeJS.ErrnoException) => {
    throw new Refusal(`${what} cannot be read (${fault.code})`)
  })
  return utf8Text(what, bytes)
}
