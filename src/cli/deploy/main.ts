/** `npm run deploy`: see `--help`. */

import { createInterface } from 'node:readline/promises'
import { deploy } from './deploy.ts'

async function askOperator(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  try {
    return await terminal.question(question)
  } finally {
    terminal.close()
  }
}

const { stdin, stdout, stderr, env } = process
process.exitCode = await deploy(process.argv.slice(2), {
  ...{ stdin, stdout, stderr, env },
  askOperator: stdin.isTTY && stdout.isTTY ? askOperator : null,
})
