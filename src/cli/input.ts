/** What is read besides the words of the command line: a line of standard input, and a client's keys. */

import type { Command } from 'commander'
import { readText, utf8Text } from '../local/files.ts'
import { refuseUsage } from './verb.ts'

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

const contentOf = (file: string) => readText(`--jwks-file ${JSON.stringify(file)}`, file)

/** The text of `--jwks` or `--jwks-file`; undefined if neither was given. */
export async function readKeys(
  { jwks, jwksFile }: Readonly<{ jwks?: string; jwksFile?: string }>,
  command: Command,
): Promise<string | undefined> {
  if (jwks !== undefined && jwksFile !== undefined) {
    refuseUsage(command, 'give either --jwks or --jwks-file')
  }
  return jwks ?? (jwksFile === undefined ? undefined : contentOf(jwksFile))
}
