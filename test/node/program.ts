/** A child process of a test. */

import { spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'

const GIVE_UP_AFTER_MS = 90_000
const KILL_AFTER_MS = 30_000

export type Program = Readonly<{
  /** Waits until the program prints these words. Returns its output. Throws the output if the program ends before or does not print them. */
  untilPrints: (words: string) => Promise<string>
  /** The output so far. */
  printed: () => string
  /** Resolves when the process has ended. */
  over: Promise<void>
  /** Does nothing if the process has ended. */
  end: () => Promise<void>
}>

export function startProgram(
  command: string,
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Program {
  const child = spawn(command, words, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const news = new EventEmitter()
  let printed = ''
  let isOver = false
  const hear = (text: unknown) => {
    printed += text
    news.emit('news')
  }
  child.stdout.setEncoding('utf8').on('data', hear)
  child.stderr.setEncoding('utf8').on('data', hear)

  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  const over = new Promise<void>((resolve) => {
    const finish = (last: unknown) => {
      isOver = true
      process.off('exit', kill)
      hear(last)
      resolve()
    }
    child.once('error', (fault) => finish(fault.message))
    child.once('close', () => finish(''))
  })

  const failed = (why: string) => new Error(`${command} ${words.join(' ')}: ${why}\n${printed}`)
  return {
    async untilPrints(awaited) {
      const signal = AbortSignal.timeout(GIVE_UP_AFTER_MS)
      while (!printed.includes(awaited)) {
        if (isOver) throw failed(`ended before it printed "${awaited}"`)
        await once(news, 'news', { signal }).catch(() => {
          throw failed(`has not printed "${awaited}"`)
        })
      }
      return printed
    },
    printed: () => printed,
    over,
    async end() {
      if (isOver) return
      child.kill('SIGTERM')
      const killing = setTimeout(kill, KILL_AFTER_MS)
      await over
      clearTimeout(killing)
    },
  }
}

/** Starts an example service on the state of a running registry. */
export async function startExample(
  name: 'hono' | 'mcp',
  { stateDir }: Readonly<{ stateDir: string }>,
  port = 0,
): Promise<Program> {
  const env = { STATE_DIR: stateDir, EXAMPLE_PORT: String(port) }
  const example = startProgram('npm', ['run', '--silent', `example:${name}`], env)
  await example.untilPrints('Ctrl-C ends it.')
  return example
}
