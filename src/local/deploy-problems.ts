/** The problems that would prevent a deployment from serving, found in its configurations beforehand. */

import {
  ALL_WORKERS,
  CRON,
  type Given,
  isSettingOf,
  SETTING_NAMES,
  startProblems,
  type WorkerName,
} from '../config.ts'
import { isOnThisMachine } from '../domain/network.ts'
import { ALL_SECRET_NAMES } from '../secrets.ts'
import { webhookProblems } from '../webhook-settings.ts'
import { CONFIG_FILES, CONFIG_PATHS } from './project.ts'
import { readWranglerConfig, type WranglerConfig } from './wrangler-config.ts'

export type Configs = Readonly<Record<WorkerName, WranglerConfig>>

const configsOf = (of: (worker: WorkerName) => WranglerConfig) =>
  Object.fromEntries(ALL_WORKERS.map((worker) => [worker, of(worker)])) as Configs

export const readConfigs = () => configsOf((worker) => readWranglerConfig(CONFIG_PATHS[worker]))

const problemsOfEach = (problemsOf: (worker: WorkerName) => readonly string[]) =>
  ALL_WORKERS.flatMap((worker) =>
    problemsOf(worker).map((problem) => `${CONFIG_FILES[worker]}: ${problem}`),
  )

/** An id of zeros except for its last digit, as in the repository's own files. */
const PLACEHOLDER = /^[0-]+\d$/

/** Stands for a secret that is set and cannot be read. */
const SET_ELSEWHERE = '-'.repeat(64)
const WEBHOOK_SECRET_ELSEWHERE = `whsec_${'0'.repeat(64)}`

/** The environment of a Worker with this configuration, with substitutes for the secrets that it must have. */
const givenBy = ({ vars, ...config }: WranglerConfig): Given => ({
  JWT_SECRET: SET_ELSEWHERE,
  WEBHOOK_SECRET: WEBHOOK_SECRET_ELSEWHERE,
  ...vars,
  ...Object.fromEntries(bindingNames(config).map((name) => [name, {}])),
})

const bindingNames = (config: Omit<WranglerConfig, 'vars'>): readonly string[] => [
  ...[...config.d1_databases, ...config.kv_namespaces].map(({ binding }) => binding),
  ...config.ratelimits.map(({ name }) => name),
  ...config.services.map(({ binding }) => binding),
]

const unless = (isRight: boolean, problem: string) => (isRight ? [] : [problem])

const idsOf = (config: WranglerConfig) =>
  new Map([
    ...config.d1_databases.map(({ binding, database_id }) => [binding, database_id] as const),
    ...config.kv_namespaces.map(({ binding, id }) => [binding, id] as const),
  ])

/** The configurations in the form that `npm start` runs: `vars` take precedence over the vars of each file. */
export const withVars = (configs: Configs, vars: WranglerConfig['vars']): Configs =>
  configsOf((worker) => ({ ...configs[worker], vars: { ...configs[worker].vars, ...vars } }))

const OTHERS = ALL_WORKERS.filter((worker) => worker !== 'registry')

const differs = (what: string, worker: WorkerName) =>
  `${what} differs between ${CONFIG_FILES.registry} and ${CONFIG_FILES[worker]}`

/** All Workers must have the same database and the same store of sessions. */
function differentIds(configs: Configs): string[] {
  const registry = [...idsOf(configs.registry)]
  return OTHERS.flatMap((worker) => {
    const ids = idsOf(configs[worker])
    return registry
      .filter(([binding, id]) => (ids.get(binding) ?? id) !== id)
      .map(([binding]) => differs(`the id of ${binding}`, worker))
  })
}

const SERVICES = [
  { from: 'registry', binding: 'MANAGEMENT', to: 'management' },
  { from: 'authenticator', binding: 'REGISTRY', to: 'registry' },
] as const satisfies readonly { from: WorkerName; binding: string; to: WorkerName }[]

/** A bound service must be the Worker of that name. */
const serviceProblems = (configs: Configs): string[] =>
  SERVICES.flatMap(({ from, binding, to }) => {
    const bound = configs[from].services.find((service) => service.binding === binding)
    const { name } = configs[to]
    if (!bound || bound.service === name) return []
    return [
      `${CONFIG_FILES[from]}: ${binding} is bound to ${bound.service}, but ${CONFIG_FILES[to]} names ${name}`,
    ]
  })

/** The problems of any deployment, also of `npm start`. Each problem is one line that names the file. */
export function configurationProblems(configs: Configs): string[] {
  const refused = problemsOfEach((worker) => {
    const given = givenBy(configs[worker])
    return [
      ...startProblems(worker, given),
      ...(worker === 'management' ? webhookProblems(given) : []),
    ]
  })
  const hasCron = configs.registry.triggers.crons.includes(CRON)
  return [
    ...refused,
    ...differentIds(configs),
    ...serviceProblems(configs),
    ...unless(hasCron, `${CONFIG_FILES.registry}: triggers.crons must have "${CRON}"`),
  ]
}

/** Every Worker must have the same issuer, and the management Worker must have every setting of the registry. */
const differentSettings = (configs: Configs): string[] =>
  OTHERS.flatMap((worker) =>
    SETTING_NAMES.filter((name) => isSettingOf(worker, name))
      .filter((name) => name === 'ISSUER' || worker === 'management')
      .filter((name) => (configs.registry.vars[name] ?? '') !== (configs[worker].vars[name] ?? ''))
      .map((name) => differs(name, worker)),
  )

export const deployProblems = (configs: Configs): string[] => [
  ...configurationProblems(configs),
  ...problemsOfEach((worker) => publicProblems(worker, configs[worker])),
  ...differentSettings(configs),
]

export const isPlaceholder = (id: string) => PLACEHOLDER.test(id)

export const hasRoutes = ({ route, routes }: WranglerConfig) =>
  route !== undefined || routes !== undefined

/** The flag with which Cloudflare refuses addresses of private networks, even if a public name resolves to one. */
const PUBLIC_ONLY = 'global_fetch_strictly_public'

/** The problems of a public Worker that a Worker on this machine does not have. */
function publicProblems(worker: WorkerName, config: WranglerConfig): string[] {
  const { vars } = config
  const issuer = vars.ISSUER ?? ''
  const hasAddress = worker !== 'management'
  return [
    ...unless(!isOnThisMachine(issuer), `ISSUER is ${issuer}, an address of this machine`),
    ...[...idsOf(config)]
      .filter(([, id]) => isPlaceholder(id))
      .map(([binding]) => `the id of ${binding} is a placeholder`),
    ...ALL_SECRET_NAMES.filter((name) => vars[name] !== undefined).map(
      (name) => `${name} must be a secret (wrangler secret put), not in [vars]`,
    ),
    // A misspelt setting would have no effect, and no Worker would report it.
    ...Object.keys(vars)
      .filter((name) => !isSettingOf(worker, name) && !ALL_SECRET_NAMES.some((one) => one === name))
      .map((name) => `${name} is not a setting of the ${worker}`),
    ...unless(config.workers_dev === false, 'workers_dev must be false'),
    ...unless(
      hasAddress || !hasRoutes(config),
      'there must be no routes: the registry forwards to it',
    ),
    // The management Worker sends requests to addresses that clients name.
    ...unless(
      hasAddress || config.compatibility_flags.includes(PUBLIC_ONLY),
      `compatibility_flags must have ${PUBLIC_ONLY}`,
    ),
  ]
}
