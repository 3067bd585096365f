/** Makes mistakes in a copy of the repository, its working directory. `mutants.ts` starts one process for each copy. */

import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { createVitest, type TestModule } from 'vitest/node'
import type { Mistake } from './mistakes.ts'

export type Work = Readonly<{ killer: string; mistakes: readonly Mistake[] }>
export type Done = Readonly<{ outcomes: readonly string[]; passesWithout: boolean }>

/** One Vitest for all runs: what it transformed stays, and the modules run in a new process each time. */
const vitest = await createVitest('test', {
  watch: false,
  bail: 1,
  maxWorkers: 1,
  fsModuleCache: false,
  reporters: [{}],
})

const statesOf = ({ children }: TestModule) =>
  Array.from(children.allTests(), (test) => test.result().state)

/** `neither`: tests were skipped, or none ran, which proves nothing. */
async function resultOf(killer: string): Promise<'passed' | 'failed' | 'neither'> {
  const isKiller = ({ moduleId }: { moduleId: string }) => moduleId === resolve(killer)
  const specifications = (await vitest.globTestSpecifications([killer])).filter(isKiller)
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications(specifications)
  const states = testModules.filter(isKiller).flatMap(statesOf)
  if (states.includes('failed')) return 'failed'
  const havePassed = states.length > 0 && states.every((state) => state === 'passed')
  return havePassed && unhandledErrors.length === 0 ? 'passed' : 'neither'
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
  const result = await resultOf(killer)
  write(path, source)
  return { failed: 'killed', passed: 'SURVIVED', neither: 'could not be tested' }[result]
}

process.on('message', async ({ killer, mistakes }: Work) => {
  const outcomes: string[] = []
  for (const mistake of mistakes) outcomes.push(await outcomeOf(mistake))
  // Last: it also shows that no mistake was left behind.
  const passesWithout = (await resultOf(killer)) === 'passed'
  process.send?.({ outcomes, passesWithout } satisfies Done)
})
process.on('disconnect', () => process.exit())
