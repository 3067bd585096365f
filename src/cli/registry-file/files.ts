/** Reads and writes the file that a command names; `-` is standard input or output. */

import { open, rename, writeFile } from 'node:fs/promises'
import { utf8Text } from '../../local/files.ts'
import { Refusal } from '../../local/refusal.ts'
import type { Io } from '../verb.ts'

export const STANDARD = '-'
/** As nodes with their lines it takes fifty times as much memory. */
const MAX_FILE_BYTES = 16 * 1024 * 1024

const cannot = (what: string, verb: string) => (fault: NodeJS.ErrnoException) => {
  throw new Refusal(`${what} cannot be ${verb} (${fault.code})`)
}

const tooLong = (what: string) =>
  new Refusal(
    `${what} is longer than ${MAX_FILE_BYTES / 1024 / 1024} MiB: split it, since a file may have a part of the clients or of the users`,
  )

async function readAll(chunks: AsyncIterable<Uint8Array | string>, what: string) {
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

export async function readGivenFile(file: string, io: Io): Promise<string> {
  if (file === STANDARD) return readAll(io.stdin, 'standard input')
  const what = JSON.stringify(file)
  const handle = await open(file).catch(cannot(what, 'read'))
  try {
    return await readAll(handle.createReadStream({ autoClose: false }), what).catch((fault) => {
      throw 'code' in fault ? cannot(what, 'read')(fault) : fault
    })
  } finally {
    await handle.close()
  }
}

/** For everyone, as the process is told (umask). */
const ANYONE = 0o666
export const OWNER_ONLY = 0o600

/** Renames a complete file into place, so that a failure leaves the old one. */
export async function writeGivenFile(file: string, text: string, mode = ANYONE) {
  const what = JSON.stringify(file)
  const draft = `${file}.${process.pid}`
  await writeFile(draft, text, { flag: 'wx', mode }).catch(cannot(what, 'written'))
  await rename(draft, file).catch(cannot(what, 'written'))
}
