/** Makes mistakes in a copy of the repository, its working directory. `mutants.ts` starts one process for each copy. */

import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { createVitest } from 'vitest/node'
import type { Mistake } from './mistakes.ts'

export type Work = Readonly<{ killer: string; mistakes: readonly Mistake[] }>
export type Done = Readonly<{ outcomes: readonly string[]; without: Run }>

/** All runs share one Vitest, which caches transformed files. Each run has a new process with new storage. */
const vitest = await createVitest('test', {
  watch: false,
  bail: 1,
  maxWorkers: 1,
  // A mistake may make a test wait forever.
  testTimeout: 30_000,
  fsModuleCache: false,
  reporters: [{}],
})

/** `neither`: tests were skipped, or none ran, so the run shows nothing. */
type Result = 'passed' | 'failed' | 'neither'
type Run = Readonly<{ result: Result; failed: readonly string[] }>

async function run(killer: string): Promise<Run> {
  const isKiller = ({ moduleId }: { moduleId: string }) => moduleId === resolve(killer)
  const specifications = (await vitest.globTestSpecifications([killer])).filter(isKiller)
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications(specifications)
  const tests = testModules.filter(isKiller).flatMap((one) => [...one.children.allTests()])
  const failed = tests.filter((test) => test.result().state === 'failed').map((test) => test.name)
  if (failed.length > 0) return { result: 'failed', failed }
  const havePassed = tests.length > 0 && tests.every((test) => test.result().state === 'passed')
  return { result: havePassed && unhandledErrors.length === 0 ? 'passed' : 'neither', failed }
}

function write(path: string, source: string): void {
  writeFileSync(path, source)
  vitest.invalidateFile(path)
}

async function outcomeOf({ file, original, replacement, killer }: Mistake): Promise<string> {
  const path = resolve(file)
  const source = readFileSync(path, 'utf8')
  const parts = source.split(original)
  if (parts.length !== 2) return `does not fit: found ${parts.length - 1} times`
  write(path, parts.join(replacement))
  const { result } = await run(killer)
  write(path, source)
  return { failed: 'killed', passed: 'SURVIVED', neither: 'could not be tested' }[result]
}

process.on('message', async ({ killer, mistakes }: Work) => {
  const outcomes: string[] = []
  for (const mistake of mistakes) outcomes.push(await outcomeOf(mistake))
  // This run is last, so it also shows that every mistake was undone.
  process.send?.({ outcomes, without: await run(killer) } satisfies Done)
})
process.on('disconnect', () => process.exit())
