/** The world as `npm run deploy` meets it: a terminal, wrangler and Cloudflare's API. */

import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { jsonIn } from '../../local/files.ts'
import { type Environment, inProject } from '../../local/project.ts'
import { Refusal } from '../../local/refusal.ts'
import type { Api } from '../cloudflare-api.ts'
import type { Io } from '../verb.ts'

export type Options = Readonly<{
  issuer?: string | undefined
  /** Where proxies ask the authenticator. Undefined: over service bindings alone. */
  authenticator?: string | undefined
  account?: string | undefined
  /** Deploy although the free plan cannot check a password? */
  freePlan: boolean
  /** Make another operator, and nothing else? */
  newOperator: boolean
  waitSeconds: number
}>

export type Outside = Io &
  Readonly<{
    /** Null without a terminal. */
    askOperator: ((question: string) => Promise<string>) | null
    options: Options
  }>

/** Signed in: what every step after the first may use. */
export type Deployment = Outside & Readonly<{ api: Api; wrangler: Wrangler }>

export type Wrangler = Readonly<{
  /** Shows what wrangler prints. Throws a Refusal when it fails. `stdin` is the only way for a secret. */
  run(words: readonly string[], stdin?: string): Promise<void>
  /** Returns what wrangler prints, without showing it; null when it fails. */
  read(words: readonly string[]): Promise<string | null>
  /** The rows that each statement gives in the deployed database. Throws a Refusal with the reason when it fails. */
  query(sql: string): Promise<readonly Row[][]>
}>

export type Row = Readonly<Record<string, unknown>>

export function wranglerIn(env: Environment, io: Pick<Io, 'stdout' | 'stderr'>): Wrangler {
  const start = (words: readonly string[], stdin: 'inherit' | 'pipe' | 'ignore', shown: boolean) =>
    spawn('wrangler', words, {
      cwd: inProject('.'),
      env: { ...env, WRANGLER_SEND_METRICS: 'false' },
      // A terminal is passed on, so that wrangler can ask its own questions.
      stdio: [
        stdin,
        ...(shown && io.stdout === process.stdout ? (['inherit', 'inherit'] as const) : PIPES),
      ],
    })
  const statusOf = (child: ReturnType<typeof start>) =>
    new Promise<number | null>((resolve, reject) => {
      child.once('close', resolve)
      child.once('error', (fault) => reject(new Refusal(`cannot run wrangler: ${fault.message}`)))
    })

  /** What wrangler prints on its standard output. */
  const printedBy = async (words: readonly string[]) => {
    const child = start(words, 'ignore', false)
    child.stderr?.resume()
    const [status, printed] = await Promise.all([
      statusOf(child),
      child.stdout ? text(child.stdout) : '',
    ])
    return { isDone: status === 0, printed }
  }

  return {
    async run(words, stdin) {
      const child = start(words, stdin === undefined ? 'inherit' : 'pipe', true)
      child.stdout?.on('data', (chunk) => io.stdout.write(String(chunk)))
      child.stderr?.on('data', (chunk) => io.stderr.write(String(chunk)))
      // When wrangler ends without reading, its status says so.
      child.stdin?.on('error', () => {}).end(stdin)
      if ((await statusOf(child)) !== 0) throw new Refusal(`wrangler ${words.join(' ')} failed`)
    },
    async read(words) {
      const { isDone, printed } = await printedBy(words)
      return isDone ? printed : null
    },
    async query(sql) {
      const words = ['d1', 'execute', 'DB', '--remote', '--json', '--command', sql]
      const { isDone, printed } = await printedBy(words)
      const answer = jsonIn(printed)
      if (isDone && Array.isArray(answer)) return answer.map(({ results = [] }) => results)
      const { error } = (answer ?? {}) as { error?: { text?: string } }
      throw new Refusal(`wrangler d1 execute DB failed: ${error?.text ?? 'no reason given'}`)
    },
  }
}

const PIPES = ['pipe', 'pipe'] as const
