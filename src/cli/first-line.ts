/** One line of standard input, without its end; what follows is not read. */

import { utf8Text } from '../local/utf8-text.ts'

const LINE_FEED = 0x0a

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
