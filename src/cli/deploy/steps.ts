/** The steps of `npm run deploy`. Each step first looks at what exists, so that all steps can be repeated. */

import { ALL_WORKERS, type WorkerName } from '../../config.ts'
import { hasRoutes, readConfigs } from '../../local/deploy-problems.ts'
import { CREATE_TABLE, LIST_APPLIED, migrationNames, requireKnown } from '../../local/migrations.ts'
import { CONFIG_FILES, configWords } from '../../local/project.ts'
import { oneLine, Refusal } from '../../local/refusal.ts'
import { databaseOf } from '../../local/wrangler-config.ts'
import { SECRET_NAMES, type SecretName } from '../../secrets.ts'
import { ask, poll } from '../doctor/check.ts'
import { runDoctor } from '../doctor/doctor.ts'
import { lineOf } from '../doctor-command.ts'
import { counted } from '../text-form.ts'
import { epochSeconds } from '../tokens.ts'
import { writeOut } from '../verb.ts'
import { checkAddress, hasPaidPlan, secretsSetSoFar } from './account.ts'
import { settleDatabase, settleIssuer, settleNamespaces } from './config-file.ts'
import type { Deployment, Options } from './outside.ts'
import { knownSecret, operatorFile, secretFor, settleOperator } from './secrets.ts'

type Step = Readonly<{
  name: string
  /** What the step does, for `--dry-run`. */
  does: string
  /** Returns what was done, or what existed already. Throws a Refusal of one line. */
  run: (deployment: Deployment) => Promise<string>
}>

const PLAN_NEEDED =
  'the account is on the free plan, whose 10 ms of CPU are too few to check a password: no user could sign in (docs/plans.md). ' +
  'Choose the paid plan of Workers, set LOGIN_URL, or add --free-plan if no user needs to sign in'

async function checkPlan({ api, askOperator, options }: Deployment): Promise<string> {
  const isPaid = await hasPaidPlan(api)
  if (isPaid === null)
    return 'not visible to this API token; checking passwords needs the paid plan'
  if (isPaid) return 'paid'
  const agrees = async () =>
    /^y(es)?$/i.test((await askOperator?.(`${PLAN_NEEDED}. Continue? [y/N] `)) ?? '')
  if (readConfigs().registry.vars.LOGIN_URL) return 'free: users sign in at LOGIN_URL'
  if (options.freePlan || (await agrees())) return 'free: no user can sign in with a password'
  throw new Refusal(PLAN_NEEDED)
}

/** Null for a Worker without an address of its own (management), or with the routes of its wrangler.toml. */
function hostOf(worker: WorkerName, { options }: Deployment): string | null {
  if (worker === 'management') return null
  const config = readConfigs()[worker]
  const url = worker === 'registry' ? config.vars.ISSUER : options.authenticator
  return url === undefined || hasRoutes(config) ? null : new URL(url).host
}

/** Without a terminal wrangler takes the address away from another Worker or DNS record; with one it asks first. */
async function addressOf(
  host: string,
  asked: Parameters<typeof checkAddress>[2],
  { api, askOperator }: Deployment,
) {
  const state = await checkAddress(api, host, asked)
  if (state === 'ours') return `${host} is already the address of the ${asked.worker}`
  if (state === 'free') return `${host} is free`
  if (askOperator !== null) return `${host} cannot be looked up with this API token`
  throw new Refusal(
    `${host} cannot be looked up: let the API token read zones and DNS, or deploy once from a terminal, where wrangler asks`,
  )
}

const OPTION_OF = { registry: '--issuer', authenticator: '--authenticator' } as const

async function checkAddresses(deployment: Deployment): Promise<string> {
  const both = readConfigs()
  const authenticator = hostOf('authenticator', deployment)
  if (authenticator !== null && authenticator === hostOf('registry', deployment)) {
    throw new Refusal(
      `${authenticator} would be the address of both workers: give --authenticator another one`,
    )
  }
  const done: string[] = []
  for (const worker of ['registry', 'authenticator'] as const) {
    const host = hostOf(worker, deployment)
    const asked = { worker: both[worker].name, option: OPTION_OF[worker] }
    if (host !== null) done.push(await addressOf(host, asked, deployment))
    else if (hasRoutes(both[worker])) done.push(`the ${worker} has routes in its wrangler.toml`)
    else done.push(`the address of the ${worker} stays as it is, without --${worker}`)
  }
  return done.join('; ')
}

/** A version that is older than the deployed one would run on a schema that it does not know. */
async function applyMigrations({ wrangler }: Deployment): Promise<string> {
  const [, applied = []] = await wrangler.query(`${CREATE_TABLE};\n${LIST_APPLIED}`)
  const { migrations_dir } = databaseOf(readConfigs().registry)
  requireKnown(
    applied.map(({ name }) => String(name)),
    migrationNames(migrations_dir),
  )
  await wrangler.run(['d1', 'migrations', 'apply', 'DB', '--remote'])
  return 'applied'
}

/** JWT_SECRET or AUTHENTICATOR_KEYS is enough; AUTHENTICATOR_KEYS is set only if given, WEBHOOK_SECRET for a webhook. */
async function isNeeded(name: SecretName, deployment: Deployment, set: readonly string[]) {
  const isKnown = async (other: SecretName) =>
    set.includes(other) || (await knownSecret(deployment, other)) !== null
  if (name === 'WEBHOOK_SECRET') return Boolean(readConfigs().management.vars.WEBHOOK_URL)
  if (name === 'AUTHENTICATOR_KEYS') return isKnown(name)
  if (name === 'JWT_SECRET') return (await isKnown(name)) || !(await isKnown('AUTHENTICATOR_KEYS'))
  return true
}

/** A rotation changes the file of a key set; a deployment does not set the key set again. */
const KEPT: Partial<Record<SecretName, string>> = {
  SIGNING_KEYS: ' (npx wrangler secret put sets the next value: docs/keys.md)',
}

/** A secret that is set already stays: services that know the old secret would refuse what a new one signs. */
async function setSecrets(deployment: Deployment): Promise<string> {
  const { api, wrangler } = deployment
  const configs = readConfigs()
  const done: string[] = []
  for (const worker of ALL_WORKERS) {
    const names = SECRET_NAMES[worker]
    const set = names.length > 0 ? await secretsSetSoFar(api, configs[worker].name) : []
    for (const name of names) {
      if (set.includes(name)) done.push(`${name} is set already${KEPT[name] ?? ''}`)
      else if (await isNeeded(name, deployment, set)) {
        const secret = await secretFor(deployment, name)
        await wrangler.run(['secret', 'put', name, ...configWords(worker)], secret)
        done.push(`${name} is set`)
      }
    }
  }
  return done.join(', ')
}

async function deployWorker(worker: WorkerName, deployment: Deployment): Promise<string> {
  const host = hostOf(worker, deployment)
  await deployment.wrangler.run([
    'deploy',
    ...configWords(worker),
    ...(host === null ? [] : ['--domain', host]),
  ])
  return host === null ? 'deployed' : `deployed at ${host}`
}

/** A new address has no certificate at first, so this step waits. */
async function waitUntilServed(deployment: Deployment): Promise<string> {
  const { ISSUER = '' } = readConfigs().registry.vars
  const { waitSeconds } = deployment.options
  const probe = async () => `answered ${(await ask(`${ISSUER}/healthz`)).status}`
  const isServed = (answer: string) => answer === 'answered 200'
  const { seen } = await poll(waitSeconds, () => probe().catch(oneLine), isServed)
  if (isServed(seen)) return `${ISSUER} answers`
  throw new Refusal(`${ISSUER}/healthz: ${seen} after ${waitSeconds} s`)
}

async function examineDeployment(deployment: Deployment): Promise<string> {
  const { api, options } = deployment
  const { ISSUER = '' } = readConfigs().registry.vars
  const env = {
    ...deployment.env,
    ISSUER,
    CLOUDFLARE_API_TOKEN: api.token,
    PROXY_SECRET: (await knownSecret(deployment, 'PROXY_SECRET')) ?? '',
    CREDENTIALS_FILE: deployment.env.CREDENTIALS_FILE || operatorFile(api),
  }
  const where = {
    isDeployed: true,
    authenticatorUrl: options.authenticator ?? null,
    deployedAt: epochSeconds(),
    mayLackCredential: true,
  }
  const print = (text: string) => writeOut(deployment, text)
  const failed = await runDoctor({ ...deployment, env }, where, (one) => print(lineOf(one)))
  if (failed > 0) throw new Refusal(`${counted(failed, 'check')} failed`)
  return 'no check failed'
}

const ALL_STEPS: readonly Step[] = [
  {
    name: 'plan',
    does: 'looks up the plan of the account: checking passwords needs the paid one',
    run: checkPlan,
  },
  {
    name: 'issuer',
    does: 'writes ISSUER into each wrangler.toml, and makes the checks that each worker makes when it starts',
    run: settleIssuer,
  },
  {
    name: 'addresses',
    does: 'checks that the account has the domain of each address, and that the address is free',
    run: checkAddresses,
  },
  {
    name: 'database',
    does: 'finds or creates the D1 database, and writes its id into each wrangler.toml that binds it',
    run: settleDatabase,
  },
  {
    name: 'namespaces',
    does: 'finds or creates the KV namespaces SESSIONS and CODES, and writes their ids likewise',
    run: settleNamespaces,
  },
  {
    name: 'migrations',
    does: 'refuses a database that a newer version has migrated; otherwise wrangler d1 migrations apply DB --remote',
    run: applyMigrations,
  },
  {
    name: 'operator',
    does: 'makes the first operator and the client of npm run admin -- login, unless they are there: wrangler d1 execute DB --remote',
    run: settleOperator,
  },
  {
    name: 'secrets',
    does: 'makes SIGNING_KEYS of the registry, JWT_SECRET and PROXY_SECRET of the authenticator, and WEBHOOK_SECRET of management if there is a WEBHOOK_URL, unless they are set: wrangler secret put',
    run: setSecrets,
  },
  {
    name: 'management',
    does: `wrangler deploy --config ${CONFIG_FILES.management}: the registry is bound to it, so it comes first`,
    run: (deployment) => deployWorker('management', deployment),
  },
  {
    name: 'registry',
    does: 'wrangler deploy --domain, with the host of the issuer',
    run: (deployment) => deployWorker('registry', deployment),
  },
  {
    name: 'authenticator',
    does: `wrangler deploy --config ${CONFIG_FILES.authenticator}, with --domain if --authenticator names its address`,
    run: (deployment) => deployWorker('authenticator', deployment),
  },
  {
    name: 'served',
    does: 'waits until the registry answers at its address: a new address has no certificate at first',
    run: waitUntilServed,
  },
  {
    name: 'doctor',
    does: 'npm run admin -- doctor --remote',
    run: examineDeployment,
  },
]

/** `--new-operator` changes nothing else: it may be the only way to regain access to an older version. */
export const stepsFor = ({ newOperator }: Pick<Options, 'newOperator'>): readonly Step[] =>
  newOperator ? ALL_STEPS.filter(({ name }) => name === 'operator') : ALL_STEPS
