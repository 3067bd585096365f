/** `npm run deploy`: the migrations, then both workers, unless the two configurations are not ready for it. */

import { spawnSync } from 'node:child_process'
import { relative } from 'node:path'
import { LOOPBACK_HOSTS } from '../domain/loopback.ts'
import { AUTHENTICATOR_CONFIG, inProject, REGISTRY_CONFIG } from './project.ts'
import { oneLine, Refusal } from './refusal.ts'
import { readWranglerConfig, type WranglerConfig } from './wrangler-config.ts'

/** All zeros but the last digit: what the repository comes with. */
const PLACEHOLDER = /^[0-]+\d$/

const STEPS = [
  ['d1', 'migrations', 'apply', 'DB', '--remote'],
  ['deploy'],
  ['deploy', '--config', relative(inProject('.'), AUTHENTICATOR_CONFIG)],
] as const

/** Of every database and namespace, by the name of its binding. */
const idsOf = (config: WranglerConfig) =>
  new Map([
    ...config.d1_databases.map(({ binding, database_id }) => [binding, database_id] as const),
    ...config.kv_namespaces.map(({ binding, id }) => [binding, id] as const),
  ])

function issuerProblem({ vars }: WranglerConfig): string | null {
  const issuer = vars.ISSUER ?? ''
  if (!URL.canParse(issuer)) return 'ISSUER must be set to the origin that users see'
  const { protocol, hostname } = new URL(issuer)
  if (LOOPBACK_HOSTS.includes(hostname)) return `ISSUER is ${issuer}, an address of this machine`
  return protocol === 'https:' ? null : 'ISSUER must be https'
}

/** Each a line for the operator. `file` names the configuration. */
function problemsOf(file: string, config: WranglerConfig): string[] {
  const placeholders = [...idsOf(config)]
    .filter(([, id]) => PLACEHOLDER.test(id))
    .map(([binding]) => `${file}: the id of ${binding} is a placeholder`)
  const issuer = issuerProblem(config)
  return [...(issuer ? [`${file}: ${issuer}`] : []), ...placeholders]
}

/** What stands in the way of deploying these two; empty if nothing does. */
export function deployProblems(registry: WranglerConfig, authenticator: WranglerConfig): string[] {
  const problems = [
    ...problemsOf('wrangler.toml', registry),
    ...problemsOf('src/authenticator/wrangler.toml', authenticator),
  ]
  if (registry.vars.ISSUER !== authenticator.vars.ISSUER) {
    problems.push('ISSUER differs between the two wrangler.toml')
  }
  const theirs = idsOf(authenticator)
  for (const [binding, id] of idsOf(registry)) {
    if ((theirs.get(binding) ?? id) !== id) {
      problems.push(`the id of ${binding} differs between the two wrangler.toml`)
    }
  }
  return problems
}

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
    const problems = deployProblems(
      readWranglerConfig(REGISTRY_CONFIG),
      readWranglerConfig(AUTHENTICATOR_CONFIG),
    )
    for (const problem of problems) console.error(problem)
    if (problems.length > 0) process.exitCode = 1
    else deploy(runWrangler)
  } catch (fault) {
    console.error(oneLine(fault))
    process.exitCode = 1
  }
}
