/** What the account has: its plan, the database, the namespaces, and the addresses that the workers are to have. */

import { Refusal } from '../../local/refusal.ts'
import { type Api, type ApiCall, ApiRefusal, callApi, secretNames } from '../cloudflare-api.ts'

const PER_PAGE = 100
const isRefusedWith = (fault: unknown, ...statuses: readonly number[]) =>
  fault instanceof ApiRefusal && statuses.includes(fault.status)

/** Null where the API token may not look. */
async function unlessForbidden<T>(look: () => Promise<T>): Promise<T | null> {
  return look().catch((fault: unknown) => {
    if (isRefusedWith(fault, 401, 403)) return null
    throw fault
  })
}

const get = async <T>(api: Api, what: string, path: string, isGlobal = false) =>
  (await callApi(api, what, { method: 'GET', path, isGlobal })).result as T

/** Page by page, since a page is all that one call gives. */
async function listAll<T>(api: Api, what: string, path: string): Promise<T[]> {
  const all: T[] = []
  for (let page = 1; ; page++) {
    const rows = await get<T[]>(api, what, `${path}?per_page=${PER_PAGE}&page=${page}`)
    all.push(...rows)
    if (rows.length < PER_PAGE) return all
  }
}

/** Is it the paid plan of Workers? Null: the token may not read what the account is billed for. */
export async function hasPaidPlan(api: Api): Promise<boolean | null> {
  type Subscription = Readonly<{ rate_plan?: { id?: string } }>
  const path = '/subscriptions'
  const bought = await unlessForbidden(() => get<Subscription[]>(api, 'the plan', path))
  return bought === null
    ? null
    : bought.some(({ rate_plan }) => /^workers_(?!free)/.test(rate_plan?.id ?? ''))
}

export type Found = Readonly<{ id: string; isNew: boolean }>

/** How the API calls each kind of storage, its id and its name. */
const KINDS = {
  database: { path: '/d1/database', id: 'uuid', name: 'name' },
  'KV namespace': { path: '/storage/kv/namespaces', id: 'id', name: 'title' },
} as const

/** When the answer to a creation is lost, the next run finds by name what was created. */
export async function findOrCreate(
  api: Api,
  kind: keyof typeof KINDS,
  wanted: string,
): Promise<Found> {
  const { path, id, name } = KINDS[kind]
  type Row = Readonly<Record<string, string>>
  const rows = await listAll<Row>(api, `the list of ${kind}s`, path)
  const found = rows.find((row) => row[name] === wanted)
  if (found) return { id: found[id] ?? '', isNew: false }
  const body = JSON.stringify({ [name]: wanted })
  const call: ApiCall = { method: 'POST', path, contentType: 'application/json', body }
  const { result } = await callApi(api, `the new ${kind} ${wanted}`, call)
  return { id: (result as Row)[id] ?? '', isNew: true }
}

/** Null: the token may not look. */
async function zoneOf(api: Api, host: string): Promise<string | null | undefined> {
  type Zone = Readonly<{ id: string }>
  const labels = host.split('.')
  for (let i = 0; i + 1 < labels.length; i++) {
    const name = encodeURIComponent(labels.slice(i).join('.'))
    const path = `/zones?name=${name}&account.id=${encodeURIComponent(api.accountId)}`
    const zones = await unlessForbidden(() => get<Zone[]>(api, 'the list of zones', path, true))
    if (zones === null) return null
    if (zones[0]) return zones[0].id
  }
  return undefined
}

/**
 * Whether the host is in a domain of the account, and is free or the worker's already. Null: the API token may not look.
 * Throws a Refusal for a host that is not.
 */
export async function checkAddress(
  api: Api,
  host: string,
  worker: string,
): Promise<'free' | 'ours' | null> {
  type Domain = Readonly<{ hostname: string; service: string }>
  if (host.includes(':')) throw new Refusal(`${host}: Cloudflare serves at port 443 alone`)
  const zone = await zoneOf(api, host)
  if (zone === undefined) {
    throw new Refusal(
      `${host} is in no domain of this account: add the domain to Cloudflare first, or give the worker routes in its wrangler.toml`,
    )
  }
  const path = `/workers/domains?hostname=${encodeURIComponent(host)}`
  const domains = await unlessForbidden(() => get<Domain[]>(api, 'the list of domains', path))
  const taken = domains?.find(({ hostname }) => hostname === host)
  if (taken?.service === worker) return 'ours'
  if (taken) throw new Refusal(`${host} is the address of another worker, ${taken.service}`)
  if (zone === null || domains === null) return null
  const dns = `/zones/${encodeURIComponent(zone)}/dns_records?name=${encodeURIComponent(host)}`
  const records = await unlessForbidden(() => get<unknown[]>(api, 'DNS', dns, true))
  if (records?.length) {
    throw new Refusal(
      `${host} has DNS records: remove them, or give the worker routes in its wrangler.toml`,
    )
  }
  return records && 'free'
}

/** None when the worker is not deployed yet. */
export const secretsSetSoFar = (api: Api, worker: string) =>
  secretNames(api, worker).catch((fault: unknown): string[] => {
    if (isRefusedWith(fault, 404)) return []
    throw fault
  })
