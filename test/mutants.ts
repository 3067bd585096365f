/**
 * `npm run test:mutants [WORD]` makes one mistake of `mistakes.txt` at a time in a copy of the repository and runs
 * the test file that must notice it. Exit status 1 if a mistake is not noticed, or no longer fits the source.
 * WORD: only the mistakes whose source file or test file has the word in its path.
 */

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { MISTAKES } from './mistakes.ts'
import type { Done, Work } from './mutants-in-copy.ts'

const COPIED = ['src', 'test', 'migrations', 'examples', 'package.json', 'tsconfig.json']
const CONFIGURATION = ['vitest.config.ts', 'wrangler.toml']
/** One run of a test file uses about one core. */
const COPIES = availableParallelism()

function copyRepository(): string {
  const copy = mkdtempSync(join(tmpdir(), 'mutants-'))
  for (const path of [...COPIED, ...CONFIGURATION]) {
    cpSync(path, join(copy, path), { recursive: true })
  }
  symlinkSync(join(process.cwd(), 'node_modules'), join(copy, 'node_modules'))
  return copy
}

type Running = Readonly<{ child: ChildProcess; signal: AbortSignal }>

function startIn(copy: string): Running {
  const child = fork('test/mutants-in-copy.ts', {
    cwd: copy,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { ...process.env, NODE_COMPILE_CACHE: join(copy, '.compile-cache') },
  })
  const ended = new AbortController()
  child.once('exit', () => ended.abort('its process ended'))
  return { child, signal: ended.signal }
}

async function ask({ child, signal }: Running, work: Work): Promise<Done> {
  child.send(work)
  const [answer] = await once(child, 'message', { signal })
  return answer as Done
}

async function stop({ child, signal }: Running): Promise<void> {
  if (signal.aborted) return
  const ended = once(child, 'exit')
  child.disconnect()
  await ended
}

/** Prints each outcome. Returns the number of mistakes that no test is known to notice. */
function report({ killer, mistakes }: Work, { outcomes, without }: Done): number {
  for (const [index, { file, original, replacement }] of mistakes.entries()) {
    console.log(
      `${outcomes[index]}: ${file}: ${original} -> ${replacement || 'nothing'} (${killer})`,
    )
  }
  if (without.result === 'passed') return outcomes.filter((one) => one !== 'killed').length
  console.log(`proves nothing: ${killer} without a mistake: ${without.failed[0] ?? 'skips tests'}`)
  return mistakes.length
}

const [, , word = ''] = process.argv
const chosen = MISTAKES.filter(({ file, killer }) => file.includes(word) || killer.includes(word))
if (chosen.length === 0) {
  console.error(`error: no mistake is in a file named ${JSON.stringify(word)}, nor killed by one`)
  process.exit(2)
}
const work = Map.groupBy(chosen, ({ killer }) => killer).entries()
const copies = Array.from({ length: COPIES }, copyRepository)
const running = copies.map(startIn)
let bad = 0
try {
  // Each copy takes the next test file when it has finished one.
  await Promise.all(
    running.map(async (one) => {
      for (const [killer, mistakes] of work) {
        const unnoticed = report({ killer, mistakes }, await ask(one, { killer, mistakes }))
        bad += unnoticed
      }
    }),
  )
  console.log(`${chosen.length - bad} of ${chosen.length} killed`)
  process.exitCode = bad === 0 ? 0 : 1
} finally {
  await Promise.all(running.map(stop))
  for (const copy of copies) rmSync(copy, { recursive: true })
}
