/** Writes the issuer and the ids of the storage into each wrangler.toml, and leaves the rest of the file unchanged. */

import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { relative } from 'node:path'
import { parse } from 'smol-toml'
import { ALL_WORKERS, readSetting, type WorkerName } from '../../config.ts'
import { isOnThisMachine } from '../../domain/network.ts'
import { deployProblems, isPlaceholder, readConfigs } from '../../local/deploy-problems.ts'
import { CONFIG_FILES, CONFIG_PATHS } from '../../local/project.ts'
import { Refusal } from '../../local/refusal.ts'
import { databaseOf } from '../../local/wrangler-config.ts'
import { type Found, findOrCreate } from './account.ts'
import type { Deployment } from './outside.ts'
import { checkGivenSecrets } from './secrets.ts'

/** The place of a value: `[vars]`, or the `[[table]]` with this `binding`. */
type Place =
  | Readonly<{ table: 'vars' }>
  | Readonly<{ table: 'd1_databases' | 'kv_namespaces'; binding: string }>

const KEYS = { vars: 'ISSUER', d1_databases: 'database_id', kv_namespaces: 'id' } as const

const ASSIGNMENT = /^(\s*([\w-]+)\s*=\s*)("[^"]*"|'[^']*')/
/** The lines after which an assignment can be added: the header of `[vars]`, or the name of the binding. */
const COMES_BEFORE = /^\s*(?:\[\s*vars\s*\]|binding\s*=)/

/**
 * Tries each line that assigns to the key, then each line after which an assignment can be added, until the text has the
 * value at this place. Null if the file has another layout than the repository's, for example an inline table.
 */
export function withValue(text: string, place: Place, value: string): string | null {
  const key = KEYS[place.table]
  const assignment = `${key} = "${value}"`
  const lines = text.split('\n')
  const replaced = lines.flatMap((line, at) =>
    ASSIGNMENT.exec(line)?.[2] === key
      ? [
          lines.with(
            at,
            line.replace(ASSIGNMENT, (_, before: string) => `${before}"${value}"`),
          ),
        ]
      : [],
  )
  const inserted = lines.flatMap((line, at) =>
    COMES_BEFORE.test(line) ? [lines.toSpliced(at + 1, 0, assignment)] : [],
  )
  const texts = [...replaced, ...inserted].map((changed) => changed.join('\n'))
  return texts.find((changed) => valueIn(changed, place) === value) ?? null
}

/** Undefined if the text has no such place, or if the place has no value. */
function valueIn(text: string, place: Place): unknown {
  const key = KEYS[place.table]
  try {
    const config = parse(text) as Record<string, unknown>
    if (!('binding' in place)) return (config.vars as Record<string, unknown>)[key]
    const rows = config[place.table] as Record<string, unknown>[]
    return rows.find(({ binding }) => binding === place.binding)?.[key]
  } catch {
    return undefined
  }
}

/** The file is replaced as a whole, so that a reader sees the old file or the new one, never a part. */
function writeValue(path: string, place: Place, value: string) {
  const changed = withValue(readFileSync(path, 'utf8'), place, value)
  if (changed === null) {
    const where = 'binding' in place ? `${place.table}, binding ${place.binding}` : place.table
    throw new Refusal(
      `${relative(process.cwd(), path)} has another layout than expected: write ${KEYS[place.table]} = "${value}" into it by hand (${where})`,
    )
  }
  const draft = `${path}.${process.pid}`
  writeFileSync(draft, changed)
  renameSync(draft, path)
}

type MayReplace = (present: string) => boolean

/** Undefined if the file has no such place. An issuer that is not set is empty. */
const valueAt = (worker: WorkerName, place: Place) =>
  (valueIn(readFileSync(CONFIG_PATHS[worker], 'utf8'), place) as string | undefined) ??
  (place.table === 'vars' ? '' : undefined)

/** Writes the value into each file that has the place. Returns the changed files. */
function writeIntoEach(place: Place, value: string, mayReplace: MayReplace): string {
  const changed = ALL_WORKERS.filter((worker) => {
    const present = valueAt(worker, place)
    if (present === undefined || present === value || !mayReplace(present)) return false
    writeValue(CONFIG_PATHS[worker], place, value)
    return true
  })
  return changed.length === 0
    ? 'kept'
    : `written into ${changed.map((worker) => CONFIG_FILES[worker]).join(', ')}`
}

const isUnset: MayReplace = (issuer) => issuer === '' || isOnThisMachine(issuer)

/** An issuer that the command names takes precedence over the issuer of the files. */
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

/** Is the problem about an id? A later step writes the ids. */
const isOfId = (problem: string) => /\bthe id of \w+ /.test(problem)

function refuseProblems(isExpected: (problem: string) => boolean = () => false) {
  const problems = deployProblems(readConfigs()).filter((problem) => !isExpected(problem))
  if (problems.length > 0) throw new Refusal(problems.join('; '))
}

/** Throws an Error of one line, which begins with ISSUER, if no deployment can have this issuer. */
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

/** An id that was written by hand or by an earlier run stays. */
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
