/** What goes into each wrangler.toml: the issuer, and the ids of the database and the namespaces. */

import { ALL_WORKERS, readSetting, type WorkerName } from '../../config.ts'
import {
  CONFIG_FILES,
  CONFIG_PATHS,
  deployProblems,
  isOnThisMachine,
  isPlaceholder,
  readConfigs,
} from '../../local/deploy-problems.ts'
import { Refusal } from '../../local/refusal.ts'
import { databaseOf } from '../../local/wrangler-config.ts'
import { type Found, findOrCreate } from './account.ts'
import { type Place, readValue, writeValue } from './config-file.ts'
import type { Deployment } from './outside.ts'
import { checkGivenSecrets } from './secrets.ts'

/** May another value replace this one? */
type MayReplace = (present: string) => boolean

const KEYS = { vars: 'ISSUER', d1_databases: 'database_id', kv_namespaces: 'id' } as const

/** Undefined if the file has no such place. An issuer that is not set is empty. */
const valueAt = (worker: WorkerName, place: Place) =>
  readValue(CONFIG_PATHS[worker], place, KEYS[place.table]) ??
  (place.table === 'vars' ? '' : undefined)

/** Writes into each file that has the place. Returns which were changed. */
function writeIntoEach(place: Place, value: string, mayReplace: MayReplace): string {
  const changed = ALL_WORKERS.filter((worker) => {
    const present = valueAt(worker, place)
    if (present === undefined || present === value || !mayReplace(present)) return false
    writeValue(CONFIG_PATHS[worker], place, KEYS[place.table], value)
    return true
  })
  return changed.length === 0
    ? 'kept'
    : `written into ${changed.map((worker) => CONFIG_FILES[worker]).join(', ')}`
}

const isUnset: MayReplace = (issuer) => issuer === '' || isOnThisMachine(issuer)

/** An issuer that is named takes precedence over that of the files. */
async function chooseIssuer({ askOperator, options, env }: Deployment) {
  const named = options.issuer ?? env.ISSUER
  if (named) return { issuer: named, mayReplace: () => true }
  const { ISSUER = '' } = readConfigs().registry.vars
  if (!isUnset(ISSUER)) return { issuer: ISSUER, mayReplace: isUnset }
  if (askOperator === null) {
    throw new Refusal('give the address of the registry: --issuer https://auth.example.org')
  }
  const question = 'Issuer, the https origin that users will see (https://auth.example.org): '
  return { issuer: (await askOperator(question)).trim(), mayReplace: isUnset }
}

/** A later step writes the ids. */
const isOfId = (problem: string) => /\bthe id of \w+ /.test(problem)

function refuseProblems(isExpected: (problem: string) => boolean = () => false) {
  const problems = deployProblems(readConfigs()).filter((problem) => !isExpected(problem))
  if (problems.length > 0) throw new Refusal(problems.join('; '))
}

/** Throws an Error of one line, which begins with ISSUER, for an issuer that no deployment can have. */
export function checkIssuer(chosen: string): string {
  const issuer = readSetting('ISSUER', { ISSUER: chosen })
  if (isOnThisMachine(issuer)) {
    throw new Refusal(`ISSUER is ${issuer}, an address of this machine: give a public one`)
  }
  if (new URL(issuer).hostname.endsWith('.workers.dev')) {
    throw new Refusal(
      'ISSUER: workers.dev is switched off: choose a host in a domain of the account',
    )
  }
  return issuer
}

export async function settleIssuer(deployment: Deployment): Promise<string> {
  const { issuer: chosen, mayReplace } = await chooseIssuer(deployment)
  const issuer = checkIssuer(chosen)
  const done = writeIntoEach({ table: 'vars' }, issuer, mayReplace)
  refuseProblems(isOfId)
  await checkGivenSecrets(deployment)
  return `${issuer}, ${done}`
}

/** An id that was written by hand or by an earlier run is kept. */
async function settle(
  place: Extract<Place, { binding: string }>,
  find: () => Promise<Found>,
): Promise<string> {
  const present = valueAt('registry', place) ?? ''
  const { id, isNew } = isPlaceholder(present) ? await find() : { id: present, isNew: false }
  const done = writeIntoEach(place, id, isPlaceholder)
  return `${place.binding} ${isNew ? 'created' : 'found'}, ${done}`
}

export async function settleDatabase({ api }: Deployment): Promise<string> {
  const { database_name } = databaseOf(readConfigs().registry)
  const place = { table: 'd1_databases', binding: 'DB' } as const
  return settle(place, () => findOrCreate(api, 'database', database_name))
}

export async function settleNamespaces({ api }: Deployment): Promise<string> {
  const { name, kv_namespaces } = readConfigs().registry
  const done: string[] = []
  for (const { binding } of kv_namespaces) {
    const place = { table: 'kv_namespaces', binding } as const
    done.push(await settle(place, () => findOrCreate(api, 'KV namespace', `${name}-${binding}`)))
  }
  refuseProblems()
  return done.join('; ')
}
