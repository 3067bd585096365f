/** Is the deployment set up, does its storage answer, and does it serve under its own name? */

import { isLongEnough, MIN_SECRET_BYTES } from '../../crypto/jws.ts'
import { CRON_INTERVAL_SECONDS } from '../../domain/revocation.ts'
import {
  configurationProblems,
  deployProblems,
  isOnThisMachine,
} from '../../local/deploy-problems.ts'
import { migrationNames } from '../../local/migrations.ts'
import { databaseOf } from '../../local/wrangler-config.ts'
import { ask, type Check, fail, isGuarded, notChecked, ok, type Verdict } from './check.ts'
import { type Examined, overApi } from './examined.ts'
import { KEY_SET } from './key-checks.ts'
import { TRIAL_SCOPE } from './trial.ts'
import { WEBHOOK } from './webhook-check.ts'

/** Five runs missed. */
const STALE_SECONDS = 5 * CRON_INTERVAL_SECONDS
const MIN_SECRET_BITS = 128

async function bindings(examined: Examined): Promise<Verdict> {
  const problems = examined.isDeployed ? deployProblems(examined) : configurationProblems(examined)
  return problems.length === 0
    ? ok('the workers start with their wrangler.toml: settings, bindings and cron')
    : fail(problems.join('; '))
}

/** Without a credential its refusal shows that it serves. */
async function management({ api, issuer }: Examined): Promise<Verdict> {
  if (api !== null) {
    await api.status()
    return ok('the management API answers')
  }
  const { status } = await ask(`${issuer}/admin/v1/status`)
  return status === 401
    ? ok('the management API answers, and asks for a credential')
    : fail(`${issuer}/admin/v1/status answered ${status} without a credential`)
}

const d1 = overApi(async ({ trial }) =>
  (await trial.isStored())
    ? ok('D1 writes and reads')
    : fail('D1 does not read what it has written'),
)

const schema = overApi(async (api, { registry }) => {
  const known = migrationNames(databaseOf(registry).migrations_dir)
  const applied = (await api.status()).schema?.migrations ?? []
  const missing = known.filter((name) => !applied.includes(name))
  const unknown = applied.filter((name) => !known.includes(name))
  if (missing.length > 0) return fail(`not applied: ${missing.join(', ')}`)
  if (unknown.length > 0) {
    const toDo = 'The database is newer than this source: run the doctor from the version deployed.'
    return fail(`applied, but not known here: ${unknown.join(', ')}`, toDo)
  }
  return ok(`all ${known.length} migrations are applied, and no other`)
})

const counted = (n: number, one: string) => `${n} ${one}${n === 1 ? '' : 's'}`

const operators = overApi(async (api) => {
  const { operators, administrators } = (await api.status()).permissions
  const seen = `${counted(operators, 'client')} and ${counted(administrators, 'user')} can administer`
  return operators + administrators > 0 ? ok(seen) : fail(seen)
})

/** Not a fault: the consent page names such a scope by itself. */
const scopes = overApi(async (api) => {
  const { declared_scopes, undeclared_scopes } = (await api.status()).permissions
  const declared = `${counted(declared_scopes, 'scope')} declared`
  const used = undeclared_scopes.filter((scope) => scope !== TRIAL_SCOPE)
  return ok(
    used.length === 0
      ? `${declared}, and every scope that is used`
      : `${declared}; without a sentence for people: ${used.join(', ')} (scope create)`,
  )
})

/** Entropy by the frequency of each character: finds repetition, but not a known phrase. */
function bitsOf(secret: string): number {
  const counts = new Map<string, number>()
  for (const character of secret) counts.set(character, (counts.get(character) ?? 0) + 1)
  const length = [...secret].length
  const bits = [...counts.values()].map((count) => count * Math.log2(length / count))
  return Math.floor(bits.reduce((sum, one) => sum + one, 0))
}

function strengthOf(secret: string): Verdict {
  if (!isLongEnough(secret)) return fail(`JWT_SECRET has fewer than ${MIN_SECRET_BYTES} bytes`)
  return bitsOf(secret) < MIN_SECRET_BITS
    ? fail('JWT_SECRET is long enough, but its characters repeat: it can be guessed')
    : ok(`JWT_SECRET has at least ${MIN_SECRET_BYTES} bytes, and they vary`)
}

/** Null on this machine. Only Cloudflare can tell which secrets are set. */
async function namesOfSecrets({ isDeployed, secretNames }: Examined) {
  if (!isDeployed) return null
  return secretNames === null
    ? notChecked('set CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID')
    : secretNames('authenticator')
}

async function jwtSecret(examined: Examined): Promise<Verdict> {
  const { jwtSecret } = examined
  const names = await namesOfSecrets(examined)
  if (names !== null) {
    if ('state' in names) return names
    if (names.includes('AUTHENTICATOR_KEYS')) {
      return ok('AUTHENTICATOR_KEYS of the authenticator is set, and signs instead of JWT_SECRET')
    }
    return names.includes('JWT_SECRET')
      ? ok('JWT_SECRET of the authenticator is set; how strong it is cannot be seen from here')
      : fail('the authenticator has no secret JWT_SECRET')
  }
  if (jwtSecret !== null) return strengthOf(jwtSecret)
  return notChecked('give JWT_SECRET to the doctor as npm start has it')
}

/** A proxy needs the secret; a service binding does not. */
async function proxySecret(examined: Examined): Promise<Verdict> {
  const { issuer, proxySecret } = examined
  const names = await namesOfSecrets(examined)
  if (names !== null) {
    if ('state' in names) return names
    return names.includes('PROXY_SECRET')
      ? ok('PROXY_SECRET of the authenticator is set')
      : fail('the authenticator has no secret PROXY_SECRET: over HTTP it answers 503 to everything')
  }
  if (proxySecret !== null) return ok('PROXY_SECRET of the authenticator is set')
  return isOnThisMachine(issuer)
    ? ok('PROXY_SECRET is not needed: the issuer is an address of this machine')
    : notChecked('give PROXY_SECRET to the doctor as npm start has it')
}

async function issuer({ issuer }: Examined): Promise<Verdict> {
  if (!isGuarded(issuer)) return fail(`ISSUER is ${JSON.stringify(issuer)}, not https`)
  const response = await ask(`${issuer}/.well-known/oauth-authorization-server`)
  if (response.status !== 200) {
    return fail(`the metadata of ${issuer} answered ${response.status}`)
  }
  const metadata = (await response.json().catch(() => null)) as { issuer?: unknown } | null
  if (metadata?.issuer === issuer) return ok(`${issuer} serves and calls itself by that name`)
  return fail(`${issuer} calls itself ${JSON.stringify(metadata?.issuer ?? null)}`)
}

async function health({ issuer }: Examined): Promise<Verdict> {
  const { status } = await ask(`${issuer}/healthz`)
  return status === 200
    ? ok(`${issuer}/healthz answers 200`)
    : fail(`${issuer}/healthz answered ${status}`)
}

/** Cron need not have run yet on a deployment that has just started. */
const cron = overApi(async (api, { startedAt }) => {
  const { cron: tasks, schema } = await api.status()
  const now = Math.floor(Date.now() / 1000)
  const epochOf = (iso: string) => Math.floor(Date.parse(iso) / 1000)
  const age =
    tasks.length === 0
      ? null
      : Math.max(0, now - Math.max(...tasks.map(({ ran_at }) => epochOf(ran_at))))
  if (age !== null && age <= STALE_SECONDS) return ok(`last ran ${age} s ago`)
  const since = startedAt ?? epochOf(schema?.applied_at ?? '')
  if (now - since <= STALE_SECONDS) {
    return notChecked(`started ${now - since} s ago: its first run is yet to come`)
  }
  return fail(
    age === null
      ? 'has never run'
      : `last ran ${age} s ago, and should every ${CRON_INTERVAL_SECONDS} s`,
  )
})

/** How to set a secret of the authenticator to a new random value, without showing it. */
const setSecret = (name: string) =>
  `SECRET=$(openssl rand -base64 32); echo "$SECRET" | npx wrangler secret put ${name} --config src/authenticator/wrangler.toml; `

/** All of these begin at once. */
export const DEPLOYMENT_CHECKS: readonly Check[] = [
  {
    name: 'bindings',
    seconds: 5,
    run: bindings,
    toDo: 'Put it right in the wrangler.toml that is named, then npm run deploy.',
  },
  {
    name: 'management',
    seconds: 15,
    run: management,
    toDo: 'npm run deploy deploys the management worker, to which the registry forwards /admin/v1.',
  },
  {
    name: 'd1',
    seconds: 15,
    run: d1,
    toDo: "Registry answers 503 until D1 does: see Cloudflare's status page, or whether npm start runs.",
  },
  {
    name: 'schema',
    seconds: 15,
    run: schema,
    toDo: 'npx wrangler d1 migrations apply DB --remote; locally npm start applies them.',
  },
  {
    name: 'operators',
    seconds: 15,
    run: operators,
    toDo: 'npm run deploy -- --new-operator; locally npm start makes one.',
  },
  {
    name: 'scopes',
    seconds: 15,
    run: scopes,
    toDo: 'See the checks above.',
  },
  {
    name: 'jwt-secret',
    seconds: 15,
    run: jwtSecret,
    toDo:
      `${setSecret('JWT_SECRET')}keep it. docs/operate.md, Rotate JWT_SECRET, says how without refusing anybody. ` +
      'Locally npm start makes one itself.',
  },
  {
    name: 'proxy-secret',
    seconds: 15,
    run: proxySecret,
    toDo: `${setSecret('PROXY_SECRET')}and let the proxy send it as X-Proxy-Secret. Locally npm start makes one itself.`,
  },
  {
    name: 'issuer',
    seconds: 15,
    run: issuer,
    toDo: 'Let ISSUER in each wrangler.toml be the URL that serves the registry, then npm run deploy.',
  },
  {
    name: 'health',
    seconds: 15,
    run: health,
    toDo: 'See the log of the registry (npx wrangler tail); locally, start it with npm start.',
  },
  KEY_SET,
  {
    name: 'cron',
    seconds: 15,
    run: cron,
    toDo:
      'Look for faults of the scheduled handler in the log of the registry, and for its cron trigger in the dashboard; ' +
      'npm run deploy sets it. Locally npm start runs it.',
  },
  WEBHOOK,
]
