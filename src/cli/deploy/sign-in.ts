/** Signs in to Cloudflare, with an API token or the login of wrangler, and chooses the account. */

import { Refusal } from '../../local/refusal.ts'
import { callApi, deployedApi } from '../cloudflare-api.ts'
import { type Deployment, type Outside, type Wrangler, wranglerIn } from './outside.ts'

const NOT_SIGNED_IN =
  'not signed in to Cloudflare: run npx wrangler login, or set CLOUDFLARE_API_TOKEN'

/** The token of `wrangler login`; null when not signed in. */
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

type Account = Readonly<{ id: string; name: string }>

/** The account that was named, or the only one, or the one that the operator chooses. */
async function accountOf({ env, askOperator, options }: Outside, token: string): Promise<string> {
  const named = options.account ?? env.CLOUDFLARE_ACCOUNT_ID
  if (named) {
    if (/^[\w-]+$/.test(named)) return named
    throw new Refusal('--account: must be the id of an account')
  }
  const api = deployedApi({ ...env, CLOUDFLARE_API_TOKEN: token, CLOUDFLARE_ACCOUNT_ID: '-' })
  const { result } = await callApi(api, 'the list of accounts', {
    method: 'GET',
    path: '/accounts?per_page=50',
    isGlobal: true,
  })
  const accounts = result as readonly Account[]
  const [first, ...others] = accounts
  if (!first) throw new Refusal('the API token belongs to no account: set CLOUDFLARE_ACCOUNT_ID')
  if (others.length === 0) return first.id
  const list = accounts.map(({ id, name }) => `${id} (${name})`).join(', ')
  if (askOperator === null)
    throw new Refusal(`there are several accounts, name one by --account: ${list}`)
  const chosen = (await askOperator(`Account, one of ${list}: `)).trim()
  if (accounts.some(({ id }) => id === chosen)) return chosen
  throw new Refusal(`--account: must be the id of one of ${list}`)
}

export async function signIn(outside: Outside): Promise<Deployment> {
  const token = await tokenOf(outside, wranglerIn(outside.env, outside))
  const CLOUDFLARE_ACCOUNT_ID = await accountOf(outside, token)
  // wrangler renews its own login, so its environment has no token that it printed.
  const env = { ...outside.env, CLOUDFLARE_ACCOUNT_ID }
  const api = deployedApi({ ...env, CLOUDFLARE_API_TOKEN: token })
  return { ...outside, env, api, wrangler: wranglerIn(env, outside) }
}
