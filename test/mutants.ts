/**
 * Mutation testing by hand: `node test/mutants.ts [WORD]` makes one mistake at a time in a copy of the repository
 * and runs the test file that must notice it. Exit status 1 if one is not noticed, or no longer fits the source.
 * WORD: only the mistakes in files whose path contains it, or that a test file of such a path must notice.
 */

import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MUTANTS } from './mistakes.ts'
import type { Mutant } from './mutant.ts'

const COPIED = ['src', 'test', 'migrations', 'examples', 'package.json', 'tsconfig.json']
const CONFIGURATION = ['vitest.config.ts', 'vitest.long.config.ts', 'wrangler.toml']

function copyRepository(): string {
  const copy = mkdtempSync(join(tmpdir(), 'mutants-'))
  for (const path of [...COPIED, ...CONFIGURATION]) {
    cpSync(path, join(copy, path), { recursive: true })
  }
  symlinkSync(join(process.cwd(), 'node_modules'), join(copy, 'node_modules'))
  return copy
}

/** How many tests of the file failed, of which one is enough; null when it could not be run, which is no proof of anything. */
function failuresOf(copy: string, testFile: string): number | null {
  const report = join(copy, 'report.json')
  rmSync(report, { force: true })
  const config = testFile.endsWith('.long.test.ts') ? ['--config=vitest.long.config.ts'] : []
  const words = ['node_modules/vitest/vitest.mjs', 'run', ...config, '--reporter=json', '--bail=1']
  spawnSync(process.execPath, [...words, `--outputFile=${report}`, testFile], {
    cwd: copy,
    stdio: 'ignore',
  })
  try {
    const { numFailedTests, numTotalTests } = JSON.parse(readFileSync(report, 'utf8')) as {
      numFailedTests: number
      numTotalTests: number
    }
    return numTotalTests === 0 ? null : numFailedTests
  } catch {
    return null
  }
}

function fateOf({ file, original, mistake, killer }: Mutant, copy: string): string {
  const path = join(copy, file)
  const source = readFileSync(path, 'utf8')
  const parts = source.split(original)
  if (parts.length !== 2) return `does not fit: found ${parts.length - 1} times`
  writeFileSync(path, parts.join(mistake))
  const failures = failuresOf(copy, killer)
  writeFileSync(path, source)
  if (failures === null) return 'could not be tested'
  return failures === 0 ? 'SURVIVED' : 'killed'
}

const [, , word = ''] = process.argv
const chosen = MUTANTS.filter(({ file, killer }) => file.includes(word) || killer.includes(word))
if (chosen.length === 0) {
  console.error(`error: no mistake is in a file named ${JSON.stringify(word)}, nor killed by one`)
  process.exit(2)
}
const copy = copyRepository()
try {
  const killers = [...new Set(chosen.map(({ killer }) => killer))]
  const broken = killers.filter((killer) => failuresOf(copy, killer) !== 0)
  if (broken.length > 0) throw new Error(`fails without any mistake: ${broken.join(', ')}`)
  let bad = 0
  for (const one of chosen) {
    const fate = fateOf(one, copy)
    if (fate !== 'killed') bad += 1
    console.log(
      `${fate}: ${one.file}: ${one.original} -> ${one.mistake || 'nothing'} (${one.killer})`,
    )
  }
  console.log(`${chosen.length - bad} of ${chosen.length} killed`)
  process.exitCode = bad === 0 ? 0 : 1
} finally {
  rmSync(copy, { recursive: true })
}
