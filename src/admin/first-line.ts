/** One line of standard input, without its end; what follows is not read. */
export async function readFirstLine(stdin: AsyncIterable<Uint8Array | string>): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk as string)
    chunks.push(bytes)
    if (bytes.includes('\n')) break
  }
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n.*/s, '')
}
