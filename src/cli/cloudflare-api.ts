/** One call of Cloudflare's HTTP API, or of the registry running on this machine that serves the same. */

import type { Environment } from '../local/project.ts'
import { Refusal } from '../local/refusal.ts'
import { causeOf, isNotSent, wordsOf } from './network-faults.ts'

export type Api = Readonly<{
  /** `https://api.cloudflare.com/client/v4`, or a stand-in. */
  baseUrl: string
  accountId: string
  /** Sent as a bearer token. No message has it. */
  token: string
  /** The registry on this machine, where the command that a message recommends needs no `--remote`. */
  isLocal?: true
}>

type ApiAnswer = Readonly<{
  success?: boolean
  errors?: readonly Readonly<{ code?: number; message?: string }>[]
  result?: unknown
}>

export type ApiCall = Readonly<{
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Below the account, unless the call is global. */
  path: string
  isGlobal?: boolean
  contentType?: string
  body?: string
  /** It changes something. When its answer is lost, the change may have been made. */
  writes?: boolean
}>

const TIMEOUT_MS = 30_000
const CLOUDFLARE_API = 'https://api.cloudflare.com/client/v4'

function required(env: Environment, name: string): string {
  const value = env[name]?.trim()
  if (!value) throw new Refusal(`Cloudflare's API needs ${name} in the environment`)
  return value
}

/** With the operator's own token. */
export function deployedApi(env: Environment): Api {
  const token = required(env, 'CLOUDFLARE_API_TOKEN')
  const accountId = required(env, 'CLOUDFLARE_ACCOUNT_ID')
  const baseUrl = env.CLOUDFLARE_API_BASE_URL || CLOUDFLARE_API
  if (!/^https?:\/\//.test(baseUrl) || !URL.canParse(baseUrl)) {
    throw new Refusal('CLOUDFLARE_API_BASE_URL: must be an http or https URL')
  }
  return { baseUrl: baseUrl.replace(/\/+$/, ''), accountId, token }
}

/** The API refused a call; `status` is that of its response. */
export class ApiRefusal extends Refusal {
  readonly status: number

  constructor(message: string, status: number) {
    super(message)
    this.status = status
  }
}

/** The change may have been committed before its answer was lost. */
function lostAnswer({ baseUrl, isLocal }: Api, what: string, why: string): Refusal {
  const remote = isLocal ? '' : ' --remote'
  return new Refusal(
    `the answer of ${what} at ${baseUrl} was lost (${why}): the change may have been made. To find out: ` +
      `npm run --silent admin -- audit --since 15m${remote}`,
  )
}

const reasonIn = (answer: ApiAnswer | null) => answer?.errors?.[0]?.message ?? 'no reason given'

/** Repeats the reason of the API. `what` was asked, as in `the database`. */
export function refusalOf(what: string, status: number, answer: ApiAnswer | null): ApiRefusal {
  const words = reasonIn(answer)
  const hint = words.includes('no such table') ? ' (apply the migrations first)' : ''
  return new ApiRefusal(`${what} answered ${status}: ${words}${hint}`, status)
}

async function send(
  api: Api,
  what: string,
  { method, path, contentType, body, writes = false, isGlobal = false }: ApiCall,
): Promise<Response> {
  const { baseUrl, accountId, token } = api
  try {
    const below = isGlobal ? '' : `/accounts/${encodeURIComponent(accountId)}`
    return await fetch(`${baseUrl}${below}${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${token}`,
        ...(contentType && { 'Content-Type': contentType }),
      },
      ...(body !== undefined && { body }),
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
  } catch (fault) {
    const cause = causeOf(fault)
    if (writes && !isNotSent(cause)) throw lostAnswer(api, what, wordsOf(cause))
    throw new Refusal(`cannot reach ${what} at ${baseUrl}: ${wordsOf(cause)}`)
  }
}

const answerIn = (response: Response) =>
  response.json().catch(() => null) as Promise<ApiAnswer | null>

/** The body that the API returns; null for 404. Otherwise throws a Refusal. */
export async function readFromApi(api: Api, what: string, path: string): Promise<string | null> {
  const response = await send(api, what, { method: 'GET', path })
  if (response.ok) return response.text()
  const answer = await answerIn(response)
  if (response.status === 404) return null
  throw refusalOf(what, response.status, answer)
}

/** Throws a Refusal unless it succeeds. */
export async function callApi(
  api: Api,
  what: string,
  call: ApiCall,
): Promise<ApiAnswer & { status: number }> {
  const response = await send(api, what, call)
  const answer = await answerIn(response)
  // A proxy in between may have timed out, or the answer was cut off.
  const isLost = response.status >= 500 || (response.ok && answer === null)
  if (call.writes && isLost) {
    throw lostAnswer(api, what, `${response.status}: ${reasonIn(answer)}`)
  }
  if (!response.ok || !answer?.success) throw refusalOf(what, response.status, answer)
  return { ...answer, status: response.status }
}

/** The secrets that a deployed worker has. */
export async function secretNames(api: Api, worker: string): Promise<string[]> {
  const path = `/workers/scripts/${encodeURIComponent(worker)}/secrets`
  const { result } = await callApi(api, 'the list of secrets', { method: 'GET', path })
  return (result as { name: string }[]).map(({ name }) => name)
}
