/** Makes one call of Cloudflare's HTTP API. */

import type { Environment } from '../local/project.ts'
import { Refusal } from '../local/refusal.ts'
import { reasonOf, send } from './http.ts'

export type Api = Readonly<{
  /** `https://api.cloudflare.com/client/v4`, or the address of a substitute. */
  baseUrl: string
  accountId: string
  /** The bearer token. No message contains it. */
  token: string
}>

type ApiAnswer = Readonly<{
  success?: boolean
  errors?: readonly Readonly<{ code?: number; message?: string }>[]
  result?: unknown
}>

type ApiCall = Readonly<{
  /** True if the path is not below the account. */
  isGlobal?: boolean
  /** The JSON body of a POST request. */
  body?: object
}>

const CLOUDFLARE_API = 'https://api.cloudflare.com/client/v4'

function required(env: Environment, name: string): string {
  const value = env[name]?.trim()
  if (!value) throw new Refusal(`Cloudflare's API needs ${name} in the environment`)
  return value
}

export function deployedApi(env: Environment): Api {
  const token = required(env, 'CLOUDFLARE_API_TOKEN')
  const accountId = required(env, 'CLOUDFLARE_ACCOUNT_ID')
  const baseUrl = env.CLOUDFLARE_API_BASE_URL || CLOUDFLARE_API
  if (!/^https?:\/\//.test(baseUrl) || !URL.canParse(baseUrl)) {
    throw new Refusal('CLOUDFLARE_API_BASE_URL: must be an http or https URL')
  }
  return { baseUrl: baseUrl.replace(/\/+$/, ''), accountId, token }
}

export class ApiRefusal extends Refusal {
  readonly status: number

  constructor(message: string, status: number) {
    super(message)
    this.status = status
  }
}

/** Throws a Refusal, with the reason of the API, if the call fails. `what`: what is requested, as `the list of zones`. */
export async function callApi<Result>(
  { baseUrl, accountId, token }: Api,
  what: string,
  path: string,
  { body, isGlobal = false }: ApiCall = {},
): Promise<Result> {
  const below = isGlobal ? '' : `/accounts/${encodeURIComponent(accountId)}`
  const headers = {
    Authorization: `Bearer ${token}`,
    ...(body && { 'Content-Type': 'application/json' }),
  }
  const init = body ? { method: 'POST', headers, body: JSON.stringify(body) } : { headers }
  const response = await send(`${baseUrl}${below}${path}`, init).catch((fault: unknown) => {
    throw new Refusal(`cannot reach ${what} at ${baseUrl}: ${reasonOf(fault)}`)
  })
  const answer = (await response.json().catch(() => null)) as ApiAnswer | null
  if (response.ok && answer?.success) return answer.result as Result
  const reason = answer?.errors?.[0]?.message ?? 'no reason given'
  throw new ApiRefusal(`${what} answered ${response.status}: ${reason}`, response.status)
}

export async function secretNames(api: Api, worker: string): Promise<string[]> {
  const path = `/workers/scripts/${encodeURIComponent(worker)}/secrets`
  const secrets = await callApi<{ name: string }[]>(api, 'the list of secrets', path)
  return secrets.map(({ name }) => name)
}
