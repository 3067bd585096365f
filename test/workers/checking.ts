/** Requests that are pasted into the request checker, and the verdict on its page. */

import { unescapeHtml } from '../node/forms.ts'
import type { Owner } from './portal.ts'
import { ISSUER } from './registry.ts'

/** A request as a client sends it. */
export type Sent = Readonly<{
  method: string
  /** The path with its query. */
  path: string
  headers: Readonly<Record<string, string>>
  body: string | null
  /** The pasted text; by default the equivalent curl command. */
  pasted?: string
}>

const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' }
type Fields = Readonly<Record<string, string>> | readonly (readonly [string, string])[]

const encoded = (fields: Fields) =>
  new URLSearchParams(
    (Array.isArray(fields) ? fields : Object.entries(fields)).map(
      ([name, value]) => [name, value] as [string, string],
    ),
  ).toString()

export const tokenRequest = (fields: Fields, headers: Record<string, string> = {}): Sent => ({
  method: 'POST',
  path: '/token',
  headers: { ...FORM, ...headers },
  body: encoded(fields),
})

export const authorizationRequest = (fields: Fields): Sent => ({
  method: 'GET',
  path: `/authorize?${encoded(fields)}`,
  headers: {},
  body: null,
})

const word = (text: string) => `'${text.replaceAll("'", "'\\''")}'`

export const asCurl = ({ method, path, headers, body, pasted }: Sent) =>
  pasted ??
  [
    `curl -sS -X ${method}`,
    ...Object.entries(headers).map(([name, value]) => `-H ${word(`${name}: ${value}`)}`),
    ...(body === null ? [] : [`--data-raw ${word(body)}`]),
    word(ISSUER + path),
  ].join(' \\\n  ')

export const asForm = ({ method, path, headers, body }: Sent) =>
  [
    `${method} ${path} HTTP/1.1`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    '',
    body ?? '',
  ].join('\r\n')

const readable = (html: string) =>
  unescapeHtml(html.replace(/<\/?mark>/g, '').replace(/<[^>]*>/g, ' '))
    .replace(/\s+/g, ' ')
    .trim()

export type Verdict = Readonly<{
  status: number
  html: string
  verdict: string
  /** The texts of the checks, by state. */
  passed: readonly string[]
  failed: string | null
  notReached: readonly string[]
  /** The whole text of the failed check. */
  why: string
  /** The status and the error code that the registry would answer. */
  answer: string | null
  /** The content of the field after the check. */
  again: string
}>

export function verdictIn(status: number, html: string): Verdict {
  const items = [
    ...html.matchAll(
      /<li class="(passed|failed|not_reached)"><strong[^>]*>[^<]*<\/strong> ([^<]*)(.*?)<\/li>(?=<li class="(?:passed|failed|not_reached)">|<\/ol>)/gs,
    ),
  ].map(([, state, says = '', rest = '']) => ({ state, says: readable(says), rest }))
  const of = (state: string) => items.filter((item) => item.state === state)
  const failed = of('failed')[0] ?? null
  const [, code, answered] =
    /<code>([a-z_]+)<\/code><\/a>, status (\d+)/.exec(failed?.rest ?? '') ?? []
  return {
    status,
    html,
    verdict: readable(/role="status">(.*?)<\/p>/s.exec(html)?.[1] ?? ''),
    passed: of('passed').map(({ says }) => says),
    failed: failed?.says ?? null,
    notReached: of('not_reached').map(({ says }) => says),
    why: readable(failed?.rest ?? ''),
    answer: code === undefined ? null : `${answered} ${code}`,
    again: readable(/<textarea[^>]*>(.*?)<\/textarea>/s.exec(html)?.[1] ?? ''),
  }
}

/** Pastes the text on the page of the client. */
export async function checked(owner: Owner, clientId: string, text: string): Promise<Verdict> {
  const answer = await owner.submit(`/clients/${clientId}/check`, { request: text })
  return verdictIn(answer.status, await answer.text())
}
