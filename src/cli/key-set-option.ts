/** `--jwks` and `--jwks-file`: a client's public keys (RFC 7517 §5), checked before they are kept. */

import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { readKeySet } from '../crypto/key-set.ts'
import { Refusal } from '../local/refusal.ts'
import { utf8Text } from '../local/utf8-text.ts'
import { type Io, note, refuseUsage } from './verb.ts'

export type KeySetOptions = Readonly<{ jwks?: string; jwksFile?: string }>

async function contentOf(file: string): Promise<string> {
  const what = `--jwks-file ${JSON.stringify(file)}`
  const bytes = await readFile(file).catch((fault: NodeJS.ErrnoException) => {
    throw new Refusal(`${what} cannot be read (${fault.code})`)
  })
  return utf8Text(what, bytes)
}

/** Only when one was given. As compact JSON, which is how it is kept, without the keys that are of no use here. */
export async function readKeySetOption(
  { jwks, jwksFile }: KeySetOptions,
  command: Command,
  io: Io,
): Promise<{ jwks?: string }> {
  if (jwks !== undefined && jwksFile !== undefined) {
    refuseUsage(command, 'give either --jwks or --jwks-file')
  }
  const text = jwks ?? (jwksFile === undefined ? undefined : await contentOf(jwksFile))
  if (text === undefined) return {}
  const read = await readKeySet(text)
  if (typeof read === 'string') throw new Refusal(`the JWK Set ${read}`)
  for (const sentence of read.ignored) note(io, `${sentence}; the key is left out`)
  return { jwks: read.keySet }
}
