/** Is the schema that of this source, is the authenticator's secret one, and does cron run? */

import { isLongEnough, MIN_SECRET_BYTES } from '../../crypto/jws.ts'
import { LOOPBACK_HOSTS } from '../../domain/loopback.ts'
import { HEAL_SECONDS } from '../../domain/revocation.ts'
import { migrationNames } from '../../operate/migrations.ts'
import { databaseOf } from '../../operate/wrangler-config.ts'
import { appliedMigrations, lastHousekeeping } from '../../stores/deployment.ts'
import { type Check, type Finding, fail, look, notChecked, ok } from './finding.ts'
import type { Patient } from './patient.ts'

/** Five runs missed. */
const STALE_SECONDS = 5 * HEAL_SECONDS
const MIN_SECRET_BITS = 128

const SCHEMA: Check = {
  name: 'schema',
  seconds: 15,
  toDo: 'npx wrangler d1 migrations apply DB --remote; locally npm start applies them.',
}
const SECRET: Check = {
  name: 'jwt-secret',
  seconds: 15,
  toDo:
    'SECRET=$(openssl rand -base64 32); echo "$SECRET" | npx wrangler secret put JWT_SECRET --config src/authenticator/wrangler.toml; ' +
    'keep it. README, Rotate JWT_SECRET, says how without refusing anybody. Locally npm start makes one itself.',
}
const NO_PROXY_SECRET =
  'the authenticator has no secret PROXY_SECRET: over HTTP it answers 503 to everything'
const PROXY_SECRET: Check = {
  name: 'proxy-secret',
  seconds: 15,
  toDo:
    'SECRET=$(openssl rand -base64 32); echo "$SECRET" | npx wrangler secret put PROXY_SECRET --config src/authenticator/wrangler.toml; ' +
    'and let the proxy send it as X-Proxy-Secret. Locally npm start makes one itself.',
}
const CRON: Check = {
  name: 'cron',
  seconds: 15,
  toDo:
    'Look for faults of the scheduled handler in the log of the registry, and for its cron trigger in the dashboard; ' +
    'npm run deploy sets it. Locally npm start runs it.',
}

export const examineSchema = ({ storage, registry }: Patient): Promise<Finding> =>
  look(SCHEMA, async () => {
    const known = migrationNames(databaseOf(registry).migrations_dir)
    const applied = (await appliedMigrations(storage.db)).map(({ name }) => name)
    const missing = known.filter((name) => !applied.includes(name))
    const unknown = applied.filter((name) => !known.includes(name))
    if (missing.length > 0) return fail(`not applied: ${missing.join(', ')}`, SCHEMA.toDo)
    if (unknown.length > 0) {
      const toDo =
        'The database is newer than this source: run the doctor from the version deployed.'
      return fail(`applied, but not known here: ${unknown.join(', ')}`, toDo)
    }
    return ok(`all ${known.length} migrations are applied, and no other`)
  })

/** By how often each character occurs: finds repetition, not a phrase from a book. */
function bitsOf(secret: string): number {
  const counts = new Map<string, number>()
  for (const character of secret) counts.set(character, (counts.get(character) ?? 0) + 1)
  const length = [...secret].length
  const bits = [...counts.values()].map((count) => count * Math.log2(length / count))
  return Math.floor(bits.reduce((sum, one) => sum + one, 0))
}

function strengthOf(secret: string) {
  if (!isLongEnough(secret)) {
    return fail(`JWT_SECRET has fewer than ${MIN_SECRET_BYTES} bytes`, SECRET.toDo)
  }
  return bitsOf(secret) < MIN_SECRET_BITS
    ? fail('JWT_SECRET is long enough, but its characters repeat: it can be guessed', SECRET.toDo)
    : ok(`JWT_SECRET has at least ${MIN_SECRET_BYTES} bytes, and they vary`)
}

export const examineSecret = ({ jwtSecret }: Patient): Promise<Finding> =>
  look(SECRET, async () => {
    if (jwtSecret.kind === 'deployed') {
      return (await jwtSecret.secretNames()).includes('JWT_SECRET')
        ? ok('JWT_SECRET of the authenticator is set; how strong it is cannot be seen from here')
        : fail('the authenticator has no secret JWT_SECRET', SECRET.toDo)
    }
    if (jwtSecret.secret !== null) return strengthOf(jwtSecret.secret)
    return notChecked('give JWT_SECRET to the doctor as npm start has it')
  })

/** A proxy needs it; what asks over a service binding does not. */
export const examineProxySecret = ({ issuer, jwtSecret, proxySecret }: Patient): Promise<Finding> =>
  look(PROXY_SECRET, async () => {
    if (jwtSecret.kind === 'deployed') {
      return (await jwtSecret.secretNames()).includes('PROXY_SECRET')
        ? ok('PROXY_SECRET of the authenticator is set')
        : fail(NO_PROXY_SECRET, PROXY_SECRET.toDo)
    }
    if (proxySecret !== null) return ok('PROXY_SECRET of the authenticator is set')
    return isLoopback(issuer)
      ? ok('PROXY_SECRET is not needed: the issuer is an address of this machine')
      : notChecked('give PROXY_SECRET to the doctor as npm start has it')
  })

const isLoopback = (issuer: string) =>
  URL.canParse(issuer) && LOOPBACK_HOSTS.includes(new URL(issuer).hostname)

/** What has only just begun need not have run yet. */
export const examineCron = ({ storage, startedAt }: Patient): Promise<Finding> =>
  look(CRON, async () => {
    const now = Math.floor(Date.now() / 1000)
    const ranAt = await lastHousekeeping(storage.db)
    const age = ranAt === null ? null : Math.max(0, now - ranAt)
    if (age !== null && age <= STALE_SECONDS) return ok(`last ran ${age} s ago`)
    const since =
      startedAt ??
      Math.max(...(await appliedMigrations(storage.db)).map(({ appliedAt }) => appliedAt))
    if (now - since <= STALE_SECONDS) {
      return notChecked(`started ${now - since} s ago: its first run is yet to come`)
    }
    return fail(
      age === null ? 'has never run' : `last ran ${age} s ago, and should every ${HEAL_SECONDS} s`,
      CRON.toDo,
    )
  })
