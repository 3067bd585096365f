/** The account at Cloudflare: the sign-in, the plan, the storage, and the addresses of the Workers. */

import { Refusal } from '../../local/refusal.ts'
import { type Api, ApiRefusal, callApi, deployedApi, secretNames } from '../cloudflare-api.ts'
import { type Deployment, type Outside, type Wrangler, wranglerIn } from './outside.ts'

const NOT_SIGNED_IN =
  'not signed in to Cloudflare: run npx wrangler login, or set CLOUDFLARE_API_TOKEN'

/** The token of `wrangler login`; null if the operator is not signed in. */
async function keptToken(wrangler: Wrangler): Promise<string | null> {
  const printed = await wrangler.read(['auth', 'token', '--json'])
  if (printed === null) return null
  const kept = JSON.parse(printed) as { type?: string; token?: string }
  if (typeof kept.token === 'string') return kept.token
  throw new Refusal('CLOUDFLARE_API_KEY cannot be used: set CLOUDFLARE_API_TOKEN instead')
}

async function tokenOf({ env, askOperator }: Outside, wrangler: Wrangler): Promise<string> {
  if (env.CLOUDFLARE_API_TOKEN) return env.CLOUDFLARE_API_TOKEN
  const kept = await keptToken(wrangler)
  if (kept !== null) return kept
  if (askOperator === null) throw new Refusal(NOT_SIGNED_IN)
  await wrangler.run(['login'])
  const token = await keptToken(wrangler)
  if (token === null) throw new Refusal(NOT_SIGNED_IN)
  return token
}

const GLOBAL = { isGlobal: true }

type Account = Readonly<{ id: string; name: string }>

async function accountOf({ env, askOperator, options }: Outside, token: string): Promise<string> {
  const named = options.account ?? env.CLOUDFLARE_ACCOUNT_ID
  if (named) {
    if (/^[\w-]+$/.test(named)) return named
    throw new Refusal('--account: must be the id of an account')
  }
  const api = deployedApi({ ...env, CLOUDFLARE_API_TOKEN: token, CLOUDFLARE_ACCOUNT_ID: '-' })
  const path = '/accounts?per_page=50'
  const accounts = await callApi<Account[]>(api, 'the list of accounts', path, GLOBAL)
  const [first, ...others] = accounts
  if (!first) throw new Refusal('the API token belongs to no account: set CLOUDFLARE_ACCOUNT_ID')
  if (others.length === 0) return first.id
  const list = accounts.map(({ id, name }) => `${id} (${name})`).join(', ')
  if (askOperator === null) {
    throw new Refusal(`there are several accounts, name one by --account: ${list}`)
  }
  const chosen = (await askOperator(`Account, one of ${list}: `)).trim()
  if (accounts.some(({ id }) => id === chosen)) return chosen
  throw new Refusal(`--account: must be the id of one of ${list}`)
}

export async function signIn(outside: Outside): Promise<Deployment> {
  const token = await tokenOf(outside, wranglerIn(outside.env, outside))
  const CLOUDFLARE_ACCOUNT_ID = await accountOf(outside, token)
  // wrangler renews its own sign-in, so its environment must not have a token that it printed earlier.
  const env = { ...outside.env, CLOUDFLARE_ACCOUNT_ID }
  const api = deployedApi({ ...env, CLOUDFLARE_API_TOKEN: token })
  return { ...outside, env, api, wrangler: wranglerIn(env, outside) }
}

const PER_PAGE = 100
const isRefusedWith = (fault: unknown, ...statuses: readonly number[]) =>
  fault instanceof ApiRefusal && statuses.includes(fault.status)

/** Null if the API token may not read this. */
async function unlessForbidden<T>(look: () => Promise<T>): Promise<T | null> {
  return look().catch((fault: unknown) => {
    if (isRefusedWith(fault, 401, 403)) return null
    throw fault
  })
}

/** Reads page by page, because one call returns only one page. */
async function listAll<T>(api: Api, what: string, path: string): Promise<T[]> {
  const all: T[] = []
  for (let page = 1; ; page++) {
    const rows = await callApi<T[]>(api, what, `${path}?per_page=${PER_PAGE}&page=${page}`)
    all.push(...rows)
    if (rows.length < PER_PAGE) return all
  }
}

/** Does the account have the paid plan of Workers? Null if the token may not read the account's subscriptions. */
export async function hasPaidPlan(api: Api): Promise<boolean | null> {
  type Subscription = Readonly<{ rate_plan?: { id?: string } }>
  const path = '/subscriptions'
  const bought = await unlessForbidden(() => callApi<Subscription[]>(api, 'the plan', path))
  return bought === null
    ? null
    : bought.some(({ rate_plan }) => /^workers_(?!free)/.test(rate_plan?.id ?? ''))
}

export type Found = Readonly<{ id: string; isNew: boolean }>

/** The names of each kind of storage, of its id and of its name in the API. */
const KINDS = {
  database: { path: '/d1/database', id: 'uuid', name: 'name' },
  'KV namespace': { path: '/storage/kv/namespaces', id: 'id', name: 'title' },
} as const

/** If the response to a creation is lost, the next run finds the created storage by its name. */
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
  const body = { [name]: wanted }
  const made = await callApi<Row>(api, `the new ${kind} ${wanted}`, path, { body })
  return { id: made[id] ?? '', isNew: true }
}

/** Null if the token may not read this. */
async function zoneOf(api: Api, host: string): Promise<string | null | undefined> {
  type Zone = Readonly<{ id: string }>
  const labels = host.split('.')
  for (let i = 0; i + 1 < labels.length; i++) {
    const name = encodeURIComponent(labels.slice(i).join('.'))
    const path = `/zones?name=${name}&account.id=${encodeURIComponent(api.accountId)}`
    const zones = await unlessForbidden(() =>
      callApi<Zone[]>(api, 'the list of zones', path, GLOBAL),
    )
    if (zones === null) return null
    if (zones[0]) return zones[0].id
  }
  return undefined
}

/**
 * Checks that the host is in a domain of the account, and is free or belongs to the Worker already; throws a Refusal if it is
 * not. Null if the API token may not read this. `option`: the option that names another host.
 */
export async function checkAddress(
  api: Api,
  host: string,
  { worker, option }: Readonly<{ worker: string; option: string }>,
): Promise<'free' | 'ours' | null> {
  type Domain = Readonly<{ hostname: string; service: string }>
  if (host.includes(':')) throw new Refusal(`${host}: Cloudflare serves at port 443 alone`)
  const zone = await zoneOf(api, host)
  if (zone === undefined) {
    throw new Refusal(
      `${host} is in no domain of this account: name another address with ${option}, add the domain to Cloudflare first, or give the worker routes in its wrangler.toml`,
    )
  }
  const path = `/workers/domains?hostname=${encodeURIComponent(host)}`
  const domains = await unlessForbidden(() => callApi<Domain[]>(api, 'the list of domains', path))
  const taken = domains?.find(({ hostname }) => hostname === host)
  if (taken?.service === worker) return 'ours'
  if (taken)
    throw new Refusal(
      `${host} is the address of another worker, ${taken.service}: name another with ${option}`,
    )
  if (zone === null || domains === null) return null
  const dns = `/zones/${encodeURIComponent(zone)}/dns_records?name=${encodeURIComponent(host)}`
  const records = await unlessForbidden(() => callApi<unknown[]>(api, 'DNS', dns, GLOBAL))
  if (records?.length) {
    throw new Refusal(
      `${host} has DNS records: name another address with ${option}, remove them, or give the worker routes in its wrangler.toml`,
    )
  }
  return records && 'free'
}

/** Empty if the Worker is not deployed yet. */
export const secretsSetSoFar = (api: Api, worker: string) =>
  secretNames(api, worker).catch((fault: unknown): string[] => {
    if (isRefusedWith(fault, 404)) return []
    throw fault
  })
