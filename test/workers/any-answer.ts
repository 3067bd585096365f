/** What must hold of every answer, whatever was sent: never a fault, always well-formed, nothing let through. */

import { expect } from 'vitest'
import { explanations } from '../../src/pages/error-explanations.ts'
import { type AnyRequest, initOf, MARK } from './any-request.ts'
import { ISSUER } from './registry.ts'

const CODES = explanations().map(({ code }) => code)
/** RFC 6749 §5.2: what `error` and `error_description` may consist of. */
const ALLOWED = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/
const TOO_LONG_MS = 10_000
/** Events of the log that tell of a fault, or of work that failed after the answer. */
const FAULTS = /fault|failed|not_(?:recorded|carried|counted)|misconfigured|bad_setting/

/** Lines that were logged, and rejections that nobody caught, since this was last asked. */
export type Traces = Readonly<{ takeLines(): string[]; takeRejections(): unknown[] }>

export type Answer = Readonly<{ response: Response; text: string }>
export type Ask = (path: string, init: RequestInit) => Promise<Response>

/** Sends it and checks what holds at every path. */
export async function answerTo(request: AnyRequest, ask: Ask, traces: Traces): Promise<Answer> {
  const startedAtMs = performance.now()
  const response = await ask(request.path, initOf(request))
  const text = await response.text()
  expect(performance.now() - startedAtMs).toBeLessThan(TOO_LONG_MS)
  expect(response.status).toBeLessThan(500)
  expect(traces.takeRejections()).toEqual([])
  for (const line of traces.takeLines()) {
    const { event, outcome } = JSON.parse(line) as { event: unknown; outcome?: unknown }
    expect(event).not.toMatch(FAULTS)
    expect(outcome).not.toBe('fault')
    expect(line).toMatch(/^[\x20-\x7e]+$/)
  }
  checkHeaders(request, response)
  return { response, text }
}

/** RFC 6750 §3: the scope that would be enough, which is well-formed and so cannot get out of its quotes. */
const NAMED_SCOPE = / scope="[A-Za-z0-9._~/:* -]*"/

/** A browser's own sign-in cookie is given back to it; an address is encoded. Else no header holds a caller's words. */
function checkHeaders(request: AnyRequest, { headers, status }: Response) {
  for (const [name, value] of headers) {
    expect(name).not.toContain(MARK)
    expect(value).toMatch(/^[\x20-\x7e]*$/)
    const mayEcho = name === 'location' || name === 'set-cookie'
    if (!mayEcho) expect(value.replace(NAMED_SCOPE, '')).not.toContain(MARK)
    if (name === 'location') expect(value).toMatch(/^[\x21\x23-\x3b\x3d\x3f-\x7e]+$/)
  }
  const isPreflight = request.method === 'OPTIONS' && status === 204
  if (!isPreflight) expect(headers.get('Cache-Control')).toBe('no-store')
}

/** A refusal as RFC 6749 §5.2 has it; the body of any other answer. Null when the answer has none, rightly. */
export function jsonOf(request: AnyRequest, { response, text }: Answer): object | null {
  if (request.method === 'HEAD' || response.status === 204) {
    expect(text).toBe('')
    return null
  }
  expect(response.headers.get('Content-Type')).toMatch(/^application\/json\b/)
  const body = JSON.parse(text) as Record<string, unknown>
  if (response.status === 200) return body
  expect(Object.keys(body).sort()).toEqual(['error', 'error_description', 'error_uri'])
  expect(CODES).toContain(body.error)
  expect(body.error_description).toMatch(ALLOWED)
  expect(body.error_uri).toBe(`${ISSUER}/errors/${String(body.error)}`)
  expect(text).not.toContain(MARK)
  expect(response.headers.has('WWW-Authenticate')).toBe(response.status === 401)
  if (response.status === 401) expect(body.error).toBe('invalid_client')
  return body
}

/** A page of ours, or a redirect. A page runs nothing that a caller wrote. */
export function checkPage(request: AnyRequest, { response, text }: Answer) {
  if (response.status === 303) return
  expect(response.status === 200 || response.status >= 400).toBe(true)
  expect(response.headers.get('Content-Type')).toMatch(/^text\/html\b/)
  expect(response.headers.get('Content-Security-Policy')).toMatch(/^default-src 'none';/)
  expect(response.headers.get('X-Frame-Options')).toBe('DENY')
  if (request.method === 'HEAD') return
  expect(text).toMatch(/^<!DOCTYPE html>/i)
  expect(text).not.toMatch(/<script/i)
  expect(text).not.toContain(`"><`.concat('script'))
}

/** The cookies that an answer sets, by name; an emptied one is not set. */
export const cookiesSetBy = (response: Response): [name: string, value: string][] =>
  response.headers
    .getSetCookie()
    .map((cookie) => (cookie.split(';')[0] ?? '').split('=') as [string, string])
    .filter(([, value]) => value !== '')
