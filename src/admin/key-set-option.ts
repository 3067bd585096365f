/** `--jwks` and `--jwks-file`: a client's public keys (RFC 7517 §5), checked before they are kept. */

import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { keySetProblem } from '../crypto/key-set.ts'
import { Refusal } from '../operate/refusal.ts'
import { refuseUsage } from './verb.ts'

export type KeySetOptions = Readonly<{ jwks?: string; jwksFile?: string }>

const read = (file: string) =>
  readFile(file, 'utf8').catch((fault: NodeJS.ErrnoException) => {
    throw new Refusal(`--jwks-file ${JSON.stringify(file)} cannot be read (${fault.code})`)
  })

/** Only when one was given. As compact JSON, which is how it is kept. */
export async function readKeySet(
  { jwks, jwksFile }: KeySetOptions,
  command: Command,
): Promise<{ jwks?: string }> {
  if (jwks !== undefined && jwksFile !== undefined) {
    refuseUsage(command, 'give either --jwks or --jwks-file')
  }
  const text = jwks ?? (jwksFile === undefined ? undefined : await read(jwksFile))
  if (text === undefined) return {}
  const problem = await keySetProblem(text)
  if (problem) throw new Refusal(`the JWK Set ${problem}`)
  return { jwks: JSON.stringify(JSON.parse(text)) }
}
