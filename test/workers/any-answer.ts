/** The checks that every response must pass: no fault, well-formed, and no text of the caller. */

import { afterEach, beforeEach, expect, vi } from 'vitest'
import { explanations } from '../../src/pages/error-explanations.ts'
import { INVITATION_SCRIPT } from '../../src/pages/invitation-page.tsx'
import { COPY_SCRIPT } from '../../src/pages/portal/copying.tsx'
import { type AnyRequest, initOf, MARK } from './any-request.ts'
import { ISSUER } from './registry.ts'

const CODES = explanations().map(({ code }) => code)
/** RFC 6749 §5.2: the characters of `error` and `error_description`. */
const ALLOWED = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/
const TOO_LONG_MS = 10_000
/** Log events of a fault, or of work that failed after the response. */
const FAULTS = /fault|failed|not_(?:recorded|carried|counted)|misconfigured|bad_setting/

/** The log lines and the unhandled rejections since the last call. */
export type Traces = Readonly<{ takeLines(): string[]; takeRejections(): unknown[] }>

/** Records log lines and unhandled rejections during each test of a file. */
export function tracesOfTests(): Traces {
  const lines: string[] = []
  const rejections: string[] = []
  const keep = (line: unknown) => void lines.push(String(line))
  const onRejection = (event: Event) =>
    void rejections.push(String((event as PromiseRejectionEvent).reason))
  beforeEach(() => {
    lines.length = 0
    rejections.length = 0
    vi.spyOn(console, 'log').mockImplementation(keep)
    vi.spyOn(console, 'error').mockImplementation(keep)
    addEventListener('unhandledrejection', onRejection)
  })
  afterEach(() => {
    vi.restoreAllMocks()
    removeEventListener('unhandledrejection', onRejection)
  })
  return { takeLines: () => lines.splice(0), takeRejections: () => rejections.splice(0) }
}

export type Answer = Readonly<{ response: Response; text: string }>
export type Ask = (path: string, init: RequestInit) => Promise<Response>

/** Sends the request and checks what must hold at every path. */
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

/** A refusal quotes the refused scope, cut to 256 characters. */
const REFUSED_SCOPE = / scope '[\x21\x23-\x5b\x5d-\x7e]{1,256}'/
/** RFC 6750 §3: the required scopes. A well-formed scope contains no quotation mark (RFC 6749 §3.3). */
const NAMED_SCOPE = / scope="[\x20\x21\x23-\x5b\x5d-\x7e]*"/

/** Only Set-Cookie of the sign-in and an encoded Location may contain text of the caller. */
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

/** The body, checked by RFC 6749 §5.2 if it is a refusal. Null when the response must have no body. */
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
  // The refusal of a scope quotes the scope.
  const rest = body.error === 'invalid_scope' ? text.replace(REFUSED_SCOPE, '') : text
  expect(rest).not.toContain(MARK)
  expect(response.headers.has('WWW-Authenticate')).toBe(response.status === 401)
  if (response.status === 401) expect(body.error).toBe('invalid_client')
  return body
}

/** Checks a page of ours: it runs no script but its own and repeats no markup of the caller. A redirect is not checked. */
export function checkPage(request: AnyRequest, { response, text }: Answer) {
  if (response.status === 303) return
  expect(response.status === 200 || response.status >= 400).toBe(true)
  expect(response.headers.get('Content-Type')).toMatch(/^text\/html\b/)
  expect(response.headers.get('Content-Security-Policy')).toMatch(/^default-src 'none';/)
  expect(response.headers.get('X-Frame-Options')).toBe('DENY')
  if (request.method === 'HEAD') return
  expect(text).toMatch(/^<!DOCTYPE html>/i)
  const others = [INVITATION_SCRIPT, COPY_SCRIPT].reduce(
    (page, script) => page.replace(`<script>${script}</script>`, () => ''),
    text,
  )
  expect(others).not.toMatch(/<script/i)
  expect(text).not.toContain(`"><`.concat('script'))
}

/** The cookies that a response sets, by name, without emptied ones. */
export const cookiesSetBy = (response: Response): [name: string, value: string][] =>
  response.headers
    .getSetCookie()
    .map((cookie) => (cookie.split(';')[0] ?? '').split('=') as [string, string])
    .filter(([, value]) => value !== '')
