/** What keeps a deployment from serving, found in its two configurations before anything is deployed. */

import {
  CRON,
  type Given,
  SECRET_NAMES,
  SETTING_NAMES,
  SETTINGS,
  startProblems,
  type WorkerName,
} from '../config.ts'
import { LOOPBACK_HOSTS } from '../domain/network.ts'
import { AUTHENTICATOR_CONFIG, REGISTRY_CONFIG } from './project.ts'
import { readWranglerConfig, type WranglerConfig } from './wrangler-config.ts'

export type Both = Readonly<Record<WorkerName, WranglerConfig>>

export const CONFIG_FILES = {
  registry: 'wrangler.toml',
  authenticator: 'src/authenticator/wrangler.toml',
} as const satisfies Record<WorkerName, string>

export const WORKERS = ['registry', 'authenticator'] as const

export const readBoth = (): Both => ({
  registry: readWranglerConfig(REGISTRY_CONFIG),
  authenticator: readWranglerConfig(AUTHENTICATOR_CONFIG),
})

const problemsOfEach = (problemsOf: (worker: WorkerName) => readonly string[]) =>
  WORKERS.flatMap((worker) =>
    problemsOf(worker).map((problem) => `${CONFIG_FILES[worker]}: ${problem}`),
  )

/** All zeros but the last digit, as in the repository's own files. */
const PLACEHOLDER = /^[0-]+\d$/

/** Stands for a secret that is set and cannot be read. */
const SET_ELSEWHERE = '-'.repeat(64)

/** The environment of a worker with this configuration, with a stand-in for JWT_SECRET. */
const givenBy = ({ vars, ...config }: WranglerConfig): Given => ({
  JWT_SECRET: SET_ELSEWHERE,
  ...vars,
  ...Object.fromEntries(bindingNames(config).map((name) => [name, {}])),
})

const bindingNames = (config: Omit<WranglerConfig, 'vars'>): readonly string[] => [
  ...[...config.d1_databases, ...config.kv_namespaces].map(({ binding }) => binding),
  ...config.ratelimits.map(({ name }) => name),
]

/** The id of every database and namespace, by the name of its binding. */
const idsOf = (config: WranglerConfig) =>
  new Map([
    ...config.d1_databases.map(({ binding, database_id }) => [binding, database_id] as const),
    ...config.kv_namespaces.map(({ binding, id }) => [binding, id] as const),
  ])

/** Both as `npm start` runs them: `vars` go before those of the two files. */
export const withVars = (
  { registry, authenticator }: Both,
  vars: WranglerConfig['vars'],
): Both => ({
  registry: { ...registry, vars: { ...registry.vars, ...vars } },
  authenticator: { ...authenticator, vars: { ...authenticator.vars, ...vars } },
})

/**
 * What any deployment needs, also the one of `npm start`: the workers' own checks, one store of sessions for both, and
 * cron. Each problem is one line that names the file.
 */
export function configurationProblems(both: Both): string[] {
  const refused = problemsOfEach((worker) => startProblems(worker, givenBy(both[worker])))
  const theirs = idsOf(both.authenticator)
  const different = [...idsOf(both.registry)]
    .filter(([binding, id]) => (theirs.get(binding) ?? id) !== id)
    .map(([binding]) => `the id of ${binding} differs between the two wrangler.toml`)
  const hasCron = both.registry.triggers.crons.includes(CRON)
  const noCron = `${CONFIG_FILES.registry}: triggers.crons must have "${CRON}"`
  return [...refused, ...different, ...(hasCron ? [] : [noCron])]
}

/** The problems that prevent a deployment of these two. */
export function deployProblems(both: Both): string[] {
  const { registry, authenticator } = both
  return [
    ...configurationProblems(both),
    ...problemsOfEach((worker) => publicProblems(worker, both[worker])),
    ...(registry.vars.ISSUER === authenticator.vars.ISSUER
      ? []
      : ['ISSUER differs between the two wrangler.toml']),
  ]
}

export const isPlaceholder = (id: string) => PLACEHOLDER.test(id)

export const isOnThisMachine = (issuer: string) =>
  URL.canParse(issuer) && LOOPBACK_HOSTS.includes(new URL(issuer).hostname)

/** The problems of a public worker that a worker on this machine does not have. */
function publicProblems(worker: WorkerName, config: WranglerConfig): string[] {
  const { vars } = config
  const issuer = vars.ISSUER ?? ''
  return [
    ...(isOnThisMachine(issuer) ? [`ISSUER is ${issuer}, an address of this machine`] : []),
    ...[...idsOf(config)]
      .filter(([, id]) => isPlaceholder(id))
      .map(([binding]) => `the id of ${binding} is a placeholder`),
    ...SECRET_NAMES.filter((name) => vars[name] !== undefined).map(
      (name) => `${name} must be a secret (wrangler secret put), not in [vars]`,
    ),
    // A misspelt setting would have no effect, and no worker would say so.
    ...Object.keys(vars)
      .filter((name) => !isSettingOf(worker, name) && !SECRET_NAMES.some((one) => one === name))
      .map((name) => `${name} is not a setting of the ${worker}`),
    ...(config.workers_dev === false ? [] : ['workers_dev must be false']),
  ]
}

const isSettingOf = (worker: WorkerName, name: string) =>
  SETTING_NAMES.some((known) => known === name && SETTINGS[known].workers.includes(worker))
