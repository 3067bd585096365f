/** Is the deployment set up, does its storage answer, and does the registry serve under its own name? */

import { isLongEnough, MIN_SECRET_BYTES } from '../../crypto/jws.ts'
import { isOnThisMachine } from '../../domain/network.ts'
import { CRON_INTERVAL_SECONDS } from '../../domain/revocation.ts'
import { configurationProblems, deployProblems } from '../../local/deploy-problems.ts'
import { migrationNames } from '../../local/migrations.ts'
import { secretCommand } from '../../local/project.ts'
import { databaseOf } from '../../local/wrangler-config.ts'
import { counted } from '../text-form.ts'
import { epochSeconds } from '../tokens.ts'
import {
  ask,
  type Check,
  type Examined,
  fail,
  isGuarded,
  notChecked,
  ok,
  overApi,
  SEE_LOG,
  untilItAnswers,
  type Verdict,
} from './check.ts'
import { KEY_SET } from './key-checks.ts'
import { TRIAL_SCOPE } from './trial.ts'

/** The time after which five runs were missed. */
const STALE_SECONDS = 5 * CRON_INTERVAL_SECONDS
const MIN_SECRET_BITS = 128
/** A later delivery is late: cron tries again after 1 and 5 minutes, so a receiver that was away briefly has it by then. */
const LATE_SECONDS = 900

/** The entropy by the frequency of each character: this finds repetition, but not a known phrase. */
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

type OfSecret = Readonly<{
  /** The verdict by the names of the secrets that the authenticator has. */
  deployed: (names: readonly string[]) => Verdict
  here: (examined: Examined) => Verdict
}>

/** A check of a secret of the authenticator. Only Cloudflare can tell which secrets a deployed Worker has. */
const ofSecret =
  ({ deployed, here }: OfSecret): Check['run'] =>
  async (examined) => {
    if (!examined.isDeployed) return here(examined)
    return examined.secretNames === null
      ? notChecked('set CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID')
      : deployed(await examined.secretNames('authenticator'))
  }

/** The command that sets a secret of the authenticator to a new random value, without showing it. */
const setSecret = (name: string) =>
  `SECRET=$(openssl rand -base64 32); echo "$SECRET" | ${secretCommand('put', 'authenticator', name)}; `

const epochOf = (iso: string) => Math.floor(Date.parse(iso) / 1000)

/** All of these checks begin at once. */
export const DEPLOYMENT_CHECKS: readonly Check[] = [
  {
    name: 'bindings',
    seconds: 5,
    toDo: 'Correct the wrangler.toml that is named, then run npm run deploy.',
    async run(examined) {
      const { isDeployed } = examined
      const problems = isDeployed ? deployProblems(examined) : configurationProblems(examined)
      return problems.length === 0
        ? ok('the workers start with their wrangler.toml: settings, bindings and cron')
        : fail(problems.join('; '))
    },
  },
  {
    name: 'management',
    toDo: 'npm run deploy deploys the management worker, to which the registry forwards /admin/v1.',
    // Without a credential, the API's refusal shows that the API serves.
    async run({ api, issuer }) {
      if (api !== null) {
        await api.status()
        return ok('the management API answers')
      }
      const { status } = await ask(`${issuer}/admin/v1/status`)
      return status === 401
        ? ok('the management API answers, and asks for a credential')
        : fail(`${issuer}/admin/v1/status answered ${status} without a credential`)
    },
  },
  {
    name: 'd1',
    toDo: untilItAnswers('D1'),
    run: overApi(async ({ trial }) =>
      (await trial.isStored())
        ? ok('D1 writes and reads')
        : fail('D1 does not read what it has written'),
    ),
  },
  {
    name: 'schema',
    toDo: 'npx wrangler d1 migrations apply DB --remote; locally npm start applies them.',
    run: overApi(async (api, { registry }) => {
      const known = migrationNames(databaseOf(registry).migrations_dir)
      const applied = (await api.status()).schema?.migrations ?? []
      const missing = known.filter((name) => !applied.includes(name))
      const unknown = applied.filter((name) => !known.includes(name))
      if (missing.length > 0) return fail(`not applied: ${missing.join(', ')}`)
      if (unknown.length > 0) {
        const toDo =
          'The database is newer than this source: run the doctor of the deployed version.'
        return fail(`applied, but not known here: ${unknown.join(', ')}`, toDo)
      }
      return ok(`all ${known.length} migrations are applied, and no other`)
    }),
  },
  {
    name: 'operators',
    toDo: 'npm run deploy -- --new-operator; locally npm start makes one.',
    run: overApi(async (api) => {
      const { operators, administrators } = (await api.status()).permissions
      const seen = `${counted(operators, 'client')} and ${counted(administrators, 'user')} can administer`
      return operators + administrators > 0 ? ok(seen) : fail(seen)
    }),
  },
  {
    name: 'scopes',
    toDo: 'See the checks above.',
    // An undeclared scope is not a fault: the consent page shows the scope's own name.
    run: overApi(async (api) => {
      const { declared_scopes, undeclared_scopes } = (await api.status()).permissions
      const declared = `${counted(declared_scopes, 'scope')} declared`
      const used = undeclared_scopes.filter((scope) => scope !== TRIAL_SCOPE)
      return ok(
        used.length === 0
          ? `${declared}, and every scope that is used`
          : `${declared}; without a sentence for people: ${used.join(', ')} (scope create)`,
      )
    }),
  },
  {
    name: 'jwt-secret',
    toDo:
      `${setSecret('JWT_SECRET')}keep it. To replace one without refusing a request see docs/operate.md, Rotate JWT_SECRET. ` +
      'Locally npm start makes one.',
    run: ofSecret({
      deployed(names) {
        if (names.includes('AUTHENTICATOR_KEYS')) {
          return ok(
            'AUTHENTICATOR_KEYS of the authenticator is set, and signs instead of JWT_SECRET',
          )
        }
        return names.includes('JWT_SECRET')
          ? ok('JWT_SECRET of the authenticator is set; Cloudflare does not show how strong it is')
          : fail('the authenticator has no secret JWT_SECRET')
      },
      here: ({ jwtSecret }) =>
        jwtSecret === null
          ? notChecked('give JWT_SECRET to the doctor as npm start has it')
          : strengthOf(jwtSecret),
    }),
  },
  {
    name: 'proxy-secret',
    toDo: `${setSecret('PROXY_SECRET')}and let the proxy send it as X-Proxy-Secret. Locally npm start makes one.`,
    // A proxy needs the secret; a service binding does not.
    run: ofSecret({
      deployed: (names) =>
        names.includes('PROXY_SECRET')
          ? ok('PROXY_SECRET of the authenticator is set')
          : fail(
              'the authenticator has no secret PROXY_SECRET: over HTTP it answers 503 to everything',
            ),
      here({ issuer, proxySecret }) {
        if (proxySecret !== null) return ok('PROXY_SECRET of the authenticator is set')
        return isOnThisMachine(issuer)
          ? ok('PROXY_SECRET is not needed: the issuer is an address of this machine')
          : notChecked('give PROXY_SECRET to the doctor as npm start has it')
      },
    }),
  },
  {
    name: 'issuer',
    toDo: 'Set ISSUER in each wrangler.toml to the URL that serves the registry, then run npm run deploy.',
    async run({ issuer }) {
      if (!isGuarded(issuer)) return fail(`ISSUER is ${JSON.stringify(issuer)}, not https`)
      const response = await ask(`${issuer}/.well-known/oauth-authorization-server`)
      if (response.status !== 200) {
        return fail(`the metadata of ${issuer} answered ${response.status}`)
      }
      const metadata = (await response.json().catch(() => null)) as { issuer?: unknown } | null
      if (metadata?.issuer === issuer) return ok(`${issuer} serves and calls itself by that name`)
      return fail(`${issuer} calls itself ${JSON.stringify(metadata?.issuer ?? null)}`)
    },
  },
  {
    name: 'health',
    toDo: `${SEE_LOG}; locally, start it with npm start.`,
    async run({ issuer }) {
      const { status } = await ask(`${issuer}/healthz`)
      return status === 200
        ? ok(`${issuer}/healthz answers 200`)
        : fail(`${issuer}/healthz answered ${status}`)
    },
  },
  KEY_SET,
  {
    name: 'cron',
    toDo:
      'Look for faults of the scheduled handler in the log of the registry, and for its cron trigger in the dashboard; ' +
      'npm run deploy sets it. Locally npm start runs it.',
    // On a deployment that has just started, cron may not have run yet.
    run: overApi(async (api, { startedAt }) => {
      const { cron, schema } = await api.status()
      const now = epochSeconds()
      const latest = Math.max(...cron.map(({ ran_at }) => epochOf(ran_at)))
      const age = Math.max(0, now - latest)
      if (age <= STALE_SECONDS) return ok(`last ran ${age} s ago`)
      const since = startedAt ?? epochOf(schema?.applied_at ?? '')
      if (now - since <= STALE_SECONDS) {
        return notChecked(`started ${now - since} s ago, and cron runs each minute`)
      }
      return fail(
        cron.length === 0
          ? 'has never run'
          : `last ran ${age} s ago, and should run every ${CRON_INTERVAL_SECONDS} s`,
      )
    }),
  },
  {
    name: 'webhook',
    toDo: 'The server at WEBHOOK_URL must answer each event with a status from 200 to 299 (docs/approvals.md, Webhook): events are dropped after 36 hours.',
    run: overApi(async (api) => {
      const { webhook, cron } = await api.status()
      if (webhook === null) return ok('WEBHOOK_URL is not set: there is no webhook')
      const dropped = cron.find(({ task, removed }) => task === 'webhook_delivery' && removed > 0)
      const past = dropped ? `; undelivered events were last dropped at ${dropped.ran_at}` : ''
      const { waiting, oldest_at, failure } = webhook
      if (oldest_at === null) return ok(`no event waits${past}`)
      const events = counted(waiting, 'event waits', 'events wait')
      const cause = failure === null ? '' : `: WEBHOOK_URL ${failure}`
      const seen = `${events}, the oldest since ${oldest_at}${cause}${past}`
      return epochSeconds() - epochOf(oldest_at) > LATE_SECONDS ? fail(seen) : ok(seen)
    }),
  },
]
