/** What is read besides the words of the command line: a line of standard input, and a client's keys. */

import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { readKeySet } from '../crypto/key-set.ts'
import { utf8Text } from '../local/files.ts'
import { Refusal } from '../local/refusal.ts'
import { type Io, note, refuseUsage } from './verb.ts'

const LINE_FEED = 0x0a

/** One line of standard input, without its end. What follows is not read. */
export async function readFirstLine(stdin: AsyncIterable<Uint8Array | string>): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk as string)
    chunks.push(bytes)
    if (bytes.includes(LINE_FEED)) break
  }
  const bytes = Buffer.concat(chunks)
  const end = bytes.indexOf(LINE_FEED)
  const line = end === -1 ? bytes : bytes.subarray(0, end)
  return utf8Text('standard input', line).replace(/\r$/, '')
}

async function contentOf(file: string): Promise<string> {
  const what = `--jwks-file ${JSON.stringify(file)}`
  const bytes = await readFile(file).catch((fault: NodeJS.ErrnoException) => {
    throw new Refusal(`${what} cannot be read (${fault.code})`)
  })
  return utf8Text(what, bytes)
}

/**
 * The options with `jwks` as it is kept, if `--jwks` or `--jwks-file` was given: a JWK Set (RFC 7517 §5) as compact
 * JSON, without the keys that cannot verify an assertion.
 */
export async function withKeySet(
  options: Readonly<{ jwks?: string; jwksFile?: string }>,
  command: Command,
  io: Io,
): Promise<Readonly<Record<string, unknown>>> {
  const { jwks, jwksFile } = options
  if (jwks !== undefined && jwksFile !== undefined) {
    refuseUsage(command, 'give either --jwks or --jwks-file')
  }
  const text = jwks ?? (jwksFile === undefined ? undefined : await contentOf(jwksFile))
  if (text === undefined) return options
  const read = await readKeySet(text)
  if (typeof read === 'string') throw new Refusal(`the JWK Set ${read}`)
  for (const sentence of read.ignored) note(io, `${sentence}; the key is left out`)
  return { ...options, jwks: read.keySet }
}
