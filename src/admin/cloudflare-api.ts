/** One call of Cloudflare's HTTP API, or of the registry running on this machine that serves the same. */

import { Refusal } from '../operate/refusal.ts'

export type Api = Readonly<{
  /** `https://api.cloudflare.com/client/v4`, or what stands in for it. */
  baseUrl: string
  accountId: string
  /** Sent as a bearer token, and never put into a message. */
  token: string
}>

export type ApiAnswer = Readonly<{
  success?: boolean
  errors?: readonly Readonly<{ code?: number; message?: string }>[]
  result?: unknown
}>

export type ApiCall = Readonly<{
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Below the account. */
  path: string
  contentType?: string
  body?: string
}>

const TIMEOUT_MS = 30_000

const whyUnreachable = (fault: unknown) => {
  const cause = fault instanceof Error ? (fault.cause ?? fault) : fault
  return cause instanceof Error ? cause.message || cause.name : String(cause)
}

/** In the words of the other side. `what` is what was asked, as in `the database`. */
export function refusalOf(what: string, status: number, answer: ApiAnswer | null): Refusal {
  const words = answer?.errors?.[0]?.message ?? 'no reason given'
  const hint = words.includes('no such table') ? ' (apply the migrations first)' : ''
  return new Refusal(`${what} answered ${status}: ${words}${hint}`)
}

const send = (
  { baseUrl, accountId, token }: Api,
  what: string,
  { method, path, contentType, body }: ApiCall,
): Promise<Response> =>
  fetch(`${baseUrl}/accounts/${encodeURIComponent(accountId)}${path}`, {
    method,
    headers: {
      Authorization: `Bearer ${token}`,
      ...(contentType && { 'Content-Type': contentType }),
    },
    ...(body !== undefined && { body }),
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).catch((fault: unknown) => {
    throw new Refusal(`cannot reach ${what} at ${baseUrl}: ${whyUnreachable(fault)}`)
  })

const answerIn = (response: Response) =>
  response.json().catch(() => null) as Promise<ApiAnswer | null>

/** What the API answers as it stands; null if there is no such thing. Otherwise throws a Refusal. */
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
  if (!response.ok || !answer?.success) throw refusalOf(what, response.status, answer)
  return { ...answer, status: response.status }
}
