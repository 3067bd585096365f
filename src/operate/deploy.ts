/** `npm run deploy`: the migrations, then both workers, unless the two configurations are not ready for it. */

import { spawnSync } from 'node:child_process'
import { relative } from 'node:path'
import { deployProblems } from './deploy-problems.ts'
import { AUTHENTICATOR_CONFIG, inProject, REGISTRY_CONFIG } from './project.ts'
import { oneLine, Refusal } from './refusal.ts'
import { readWranglerConfig } from './wrangler-config.ts'

const STEPS = [
  ['d1', 'migrations', 'apply', 'DB', '--remote'],
  ['deploy'],
  ['deploy', '--config', relative(inProject('.'), AUTHENTICATOR_CONFIG)],
] as const

/** `wrangler` answers the exit status. Throws a Refusal at the first step that fails. */
export function deploy(wrangler: (words: readonly string[]) => number | null) {
  for (const step of STEPS) {
    if (wrangler(step) === 0) continue
    throw new Refusal(`wrangler ${step.join(' ')} failed: nothing after it was done`)
  }
}

function runWrangler(words: readonly string[]): number | null {
  const { status, error } = spawnSync('wrangler', words, { cwd: inProject('.'), stdio: 'inherit' })
  if (error) throw new Refusal(`cannot run wrangler: ${error.message}`)
  return status
}

if (import.meta.main) {
  try {
    const problems = deployProblems({
      registry: readWranglerConfig(REGISTRY_CONFIG),
      authenticator: readWranglerConfig(AUTHENTICATOR_CONFIG),
    })
    for (const problem of problems) console.error(problem)
    if (problems.length > 0) process.exitCode = 1
    else deploy(runWrangler)
  } catch (fault) {
    console.error(oneLine(fault))
    process.exitCode = 1
  }
}
