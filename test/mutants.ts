/**
 * `npm run test:mutants [WORD]` makes one mistake of `mistakes.txt` at a time in a copy of the repository and runs
 * the test file that must notice it. Exit status 1 if a mistake is not noticed, or no longer fits the source.
 * WORD: only the mistakes whose source file or test file has the word in its path.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { MISTAKES, type Mistake } from './mistakes.ts'

const COPIED = ['src', 'test', 'migrations', 'examples', 'package.json', 'tsconfig.json']
const CONFIGURATION = ['vitest.config.ts', 'wrangler.toml']
/** One run of vitest takes about one core. */
const COPIES = availableParallelism()

function copyRepository(): string {
  const copy = mkdtempSync(join(tmpdir(), 'mutants-'))
  for (const path of [...COPIED, ...CONFIGURATION]) {
    cpSync(path, join(copy, path), { recursive: true })
  }
  symlinkSync(join(process.cwd(), 'node_modules'), join(copy, 'node_modules'))
  return copy
}

type Report = Readonly<{ numFailedTests: number; numTotalTests: number }>

/** How many tests failed, at least: vitest stops at the first. Null: no test ran, which proves nothing. */
async function failuresIn(copy: string, testFile: string): Promise<number | null> {
  const report = join(copy, 'report.json')
  rmSync(report, { force: true })
  const words = ['node_modules/vitest/vitest.mjs', 'run', '--reporter=json', '--bail=1']
  const child = spawn(process.execPath, [...words, `--outputFile=${report}`, testFile], {
    cwd: copy,
    stdio: 'ignore',
    env: { ...process.env, NODE_COMPILE_CACHE: join(copy, '.compile-cache') },
  })
  await once(child, 'close')
  try {
    const { numFailedTests, numTotalTests } = JSON.parse(readFileSync(report, 'utf8')) as Report
    return numTotalTests === 0 ? null : numFailedTests
  } catch {
    return null
  }
}

async function outcomeOf(mistake: Mistake, copy: string): Promise<string> {
  const path = join(copy, mistake.file)
  const source = readFileSync(path, 'utf8')
  const parts = source.split(mistake.original)
  if (parts.length !== 2) return `does not fit: found ${parts.length - 1} times`
  writeFileSync(path, parts.join(mistake.replacement))
  const failures = await failuresIn(copy, mistake.killer)
  writeFileSync(path, source)
  if (failures === null) return 'could not be tested'
  return failures === 0 ? 'SURVIVED' : 'killed'
}

/** Each copy takes the next piece of work when it has finished one. */
async function inCopies<T>(
  copies: readonly string[],
  work: readonly T[],
  act: (one: T, copy: string) => Promise<void>,
): Promise<void> {
  const left = work.values()
  await Promise.all(
    copies.map(async (copy) => {
      for (const one of left) await act(one, copy)
    }),
  )
}

const [, , word = ''] = process.argv
const chosen = MISTAKES.filter(({ file, killer }) => file.includes(word) || killer.includes(word))
if (chosen.length === 0) {
  console.error(`error: no mistake is in a file named ${JSON.stringify(word)}, nor killed by one`)
  process.exit(2)
}
const copies = Array.from({ length: COPIES }, copyRepository)
try {
  const broken: string[] = []
  await inCopies(copies, [...new Set(chosen.map(({ killer }) => killer))], async (killer, copy) => {
    if ((await failuresIn(copy, killer)) !== 0) broken.push(killer)
  })
  if (broken.length > 0) throw new Error(`fails without any mistake: ${broken.join(', ')}`)
  let bad = 0
  await inCopies(copies, chosen, async (one, copy) => {
    const outcome = await outcomeOf(one, copy)
    if (outcome !== 'killed') bad += 1
    const change = `${one.original} -> ${one.replacement || 'nothing'}`
    console.log(`${outcome}: ${one.file}: ${change} (${one.killer})`)
  })
  console.log(`${chosen.length - bad} of ${chosen.length} killed`)
  process.exitCode = bad === 0 ? 0 : 1
} finally {
  for (const copy of copies) rmSync(copy, { recursive: true })
}
