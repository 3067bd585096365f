/** Files: a file with a secret is for its owner alone, and a text that a person wrote is UTF-8. */

import { chmod, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { Refusal } from './refusal.ts'

export const OWNER_ONLY = 0o600

const cannot = (what: string, verb: string) => (fault: NodeJS.ErrnoException) => {
  throw new Refusal(`${what} cannot be ${verb} (${fault.code})`)
}

/** Renames a complete file into place: no reader sees half of it. An old draft may be another user's, so it is deleted. */
async function replaceFile(path: string, text: string, mode: number) {
  const draft = `${path}.${process.pid}`
  await rm(draft, { force: true })
  try {
    await writeFile(draft, text, { flag: 'wx', mode })
    await rename(draft, path)
  } catch (fault) {
    await rm(draft, { force: true }).catch(() => {})
    throw fault
  }
}

export const writePrivateFile = (path: string, text: string) => replaceFile(path, text, OWNER_ONLY)

/** The value of JSON text; null for any other text. */
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

/** The text without a byte order mark. Throws a Refusal that names `what` if the bytes are not UTF-8. */
export function utf8Text(what: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes)
  } catch {
    throw new Refusal(`${what} is not UTF-8 text: save it as UTF-8`)
  }
}

/** The text of a file that a person named. `what` begins the Refusal if the file cannot be read or is not UTF-8. */
export async function readText(what: string, file: string): Promise<string> {
  return utf8Text(what, await readFile(file).catch(cannot(what, 'read')))
}

type Chunks = AsyncIterable<Uint8Array | string>

/** Stands for standard input or standard output in place of a file. */
export const STANDARD = '-'

export const sourceName = (file: string) =>
  file === STANDARD ? 'standard input' : JSON.stringify(file)

/** The limit of a file's size: parsed into nodes with their lines, a file takes fifty times as much memory. */
const MAX_FILE_BYTES = 16 * 1024 * 1024

const tooLong = (what: string) =>
  new Refusal(
    `${what} is longer than ${MAX_FILE_BYTES / 1024 / 1024} MiB: split it, since a file may have a part of the clients or of the users`,
  )

async function readAll(chunks: Chunks, what: string) {
  const read: Buffer[] = []
  let bytes = 0
  for await (const chunk of chunks) {
    const buffer = Buffer.from(chunk as string)
    bytes += buffer.length
    if (bytes > MAX_FILE_BYTES) throw tooLong(what)
    read.push(buffer)
  }
  return utf8Text(what, Buffer.concat(read))
}

/** Reads `stdin` for `-`. Throws a Refusal if the file cannot be read, is too long or is not UTF-8. */
export async function readGivenFile(file: string, stdin: Chunks): Promise<string> {
  const what = sourceName(file)
  if (file === STANDARD) return readAll(stdin, what)
  const handle = await open(file).catch(cannot(what, 'read'))
  try {
    return await readAll(handle.createReadStream({ autoClose: false }), what).catch((fault) => {
      throw 'code' in fault ? cannot(what, 'read')(fault) : fault
    })
  } finally {
    await handle.close()
  }
}

/** The mode lets everyone read and write, as far as the umask of the process allows. */
const ANYONE = 0o666

/** Writes the file in the way of `writePrivateFile`. */
export const writeGivenFile = (file: string, text: string, mode = ANYONE) =>
  replaceFile(file, text, mode).catch(cannot(JSON.stringify(file), 'written'))
