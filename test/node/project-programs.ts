/** The project's programs as child processes, with their output. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { inProject } from '../../src/local/project.ts'
import { ALL_SECRET_NAMES } from '../../src/secrets.ts'

export type Program = Readonly<{
  child: ChildProcess
  /** The standard output and standard error so far. */
  said: () => { stdout: string; stderr: string }
  /** The exit status; null after a signal. */
  ended: Promise<number | null>
}>

/** The environment of this process without variables that would change the tested programs. */
function environment(env: Readonly<Record<string, string>>) {
  const { ISSUER, DEMO, LOGIN_URL, ...inherited } = process.env
  for (const name of ALL_SECRET_NAMES) delete inherited[name]
  return { ...inherited, ...env }
}

export function runProgram(
  file: string,
  words: readonly string[],
  env: Readonly<Record<string, string>>,
): Program {
  const child = spawn(process.execPath, [inProject(file), ...words], {
    env: environment(env),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const ended = once(child, 'close').then(([status]) => status as number | null)
  return { child, said: () => ({ stdout, stderr }), ended }
}

const READY = /Ctrl-C ends both/
const READY_WITHIN_MS = 90_000

export type RunningStart = Program & Readonly<{ stop: () => Promise<number | null> }>

/** Starts `npm start` and waits until both Workers serve. Throws the output if they do not serve in time. */
export async function startRegistry(env: Readonly<Record<string, string>>): Promise<RunningStart> {
  const begun = performance.now()
  const program = runProgram('src/local/start.ts', [], env)
  const { child, said, ended } = program
  let status: number | null | undefined
  void ended.then((value) => {
    status = value
  })
  while (!READY.test(said().stdout)) {
    if (status !== undefined) throw new Error(`it ended with ${status}: ${said().stderr}`)
    if (performance.now() - begun > READY_WITHIN_MS) {
      child.kill('SIGTERM')
      throw new Error(`not ready within ${READY_WITHIN_MS} ms: ${said().stdout}${said().stderr}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  const stop = () => {
    child.kill('SIGINT')
    return ended
  }
  return { ...program, stop }
}

/** The command line in a separate process. */
export async function runAdmin(words: readonly string[], env: Readonly<Record<string, string>>) {
  const program = runProgram('src/cli/main.ts', words, env)
  const status = await program.ended
  return { status, ...program.said() }
}
