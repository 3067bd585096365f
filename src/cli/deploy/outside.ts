/** What `npm run deploy` uses outside its process: a terminal, wrangler and Cloudflare's API. */

import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { jsonIn } from '../../local/files.ts'
import { type Environment, inProject } from '../../local/project.ts'
import { Refusal } from '../../local/refusal.ts'
import type { Api } from '../cloudflare-api.ts'
import type { Io } from '../verb.ts'

export type Options = Readonly<{
  issuer?: string | undefined
  /** The address at which proxies call the authenticator. Undefined if it is called only over service bindings. */
  authenticator?: string | undefined
  account?: string | undefined
  /** True to deploy although the free plan has too little CPU time to check a password. */
  freePlan: boolean
  /** True to make another operator, and to do nothing else. */
  newOperator: boolean
  waitSeconds: number
}>

export type Outside = Io &
  Readonly<{
    /** Null if there is no terminal. */
    askOperator: ((question: string) => Promise<string>) | null
    options: Options
  }>

/** What every step after the sign-in may use. */
export type Deployment = Outside & Readonly<{ api: Api; wrangler: Wrangler }>

export type Wrangler = Readonly<{
  /** Runs wrangler and shows what it prints. Throws a Refusal if wrangler fails. A secret may be passed only in `stdin`. */
  run(words: readonly string[], stdin?: string): Promise<void>
  /** Runs wrangler and returns what it prints, without showing it; null if wrangler fails. */
  read(words: readonly string[]): Promise<string | null>
  /** The rows that each statement returns in the deployed database. Throws a Refusal with the reason if wrangler fails. */
  query(sql: string): Promise<readonly Row[][]>
}>

export type Row = Readonly<Record<string, unknown>>

export function wranglerIn(env: Environment, io: Pick<Io, 'stdout' | 'stderr'>): Wrangler {
  const start = (words: readonly string[], stdin: 'inherit' | 'pipe' | 'ignore', shown: boolean) =>
    spawn('wrangler', words, {
      cwd: inProject('.'),
      env: { ...env, WRANGLER_SEND_METRICS: 'false' },
      // The terminal is passed on, so that wrangler can ask its own questions.
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
      // If wrangler ends without reading its input, its exit status says so.
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
