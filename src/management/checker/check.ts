/** The check of one request: which checks passed, which failed and why, and what was not reached. */

import type { ClientRecord } from '../../domain/client.ts'
import type { SessionRecord } from '../../domain/session.ts'
import { UnverifiedAssertion } from '../../flows/authenticate-client.ts'
import type { CheckName } from '../../protocol/checks.ts'
import type { OAuthError } from '../../protocol/errors.ts'
import { firstFields } from '../../protocol/fields.ts'
import type { Declared } from '../../stores/portal.ts'
import type { ManagementDeps } from '../deps.ts'
import { causeOf } from './causes.ts'
import { basicHeader, type SentRequest } from './curl.ts'
import { type Fact, factsOf } from './facts.ts'
import { pairsOf, type ShownRequest, shownAgain, shownRequest, visible } from './masked.ts'
import { readPasted } from './pasted.ts'
import { type Outcome, type Run, runAuthorization, runTokenRequest } from './run.ts'
import { AUTHORIZATION_STEPS, type Step, tokenSteps } from './steps.ts'

export type CheckedStep = Readonly<{ says: string; state: 'passed' | 'failed' | 'not_reached' }>

export type Failure = Readonly<{
  /** What the registry would answer; null where no answer was made. */
  answer: Readonly<{ error: string; status: number; description: string }> | null
  /** Sentences. */
  causes: readonly string[]
  facts: readonly Fact[]
}>

export type Checked = Readonly<{
  /** A sentence. */
  verdict: string
  steps: readonly CheckedStep[]
  failure: Failure | null
  shown: ShownRequest
  notes: readonly string[]
  /** The text as it was pasted; empty if it has a secret. */
  text: string
}>

export type CheckResult = Checked | Readonly<{ problem: string }>

type Asked = Readonly<{
  client: ClientRecord
  declared: Declared
  session: SessionRecord
  now: number
  nowMs: number
}>
type Deps = Pick<ManagementDeps, 'settings' | 'checkerStores' | 'issuer'>

/** A form that is posted to /authorize answers the consent page. */
const PATHS = { '/token': 'POST', '/authorize': 'GET' } as const
type Path = keyof typeof PATHS
const isPath = (path: string): path is Path => Object.hasOwn(PATHS, path)

/** What a server would not get from the sender as it is. */
const NOT_SENT = /^(?:content-length|transfer-encoding|connection|host|cookie|expect|cf-.*)$/i
const MAX_HEADERS = 100

function headersOf({ headers }: SentRequest): Headers | null {
  const sent = new Headers()
  try {
    for (const [name, value] of headers.slice(0, MAX_HEADERS)) {
      if (!NOT_SENT.test(name)) sent.append(name, value)
    }
    return sent
  } catch {
    return null
  }
}

/** Why the request would not reach an endpoint that can be checked; null if it would. */
function whyNotThere({ method }: SentRequest, url: URL, issuer: string): string | null {
  const { origin, pathname } = url
  if (origin !== issuer) {
    return `It goes to ${visible(origin, 100)}, and this registry is at ${issuer}.`
  }
  if (!isPath(pathname)) {
    return `Its path is ${visible(pathname, 100)}. Requests to /authorize and /token can be checked here.`
  }
  const expected = PATHS[pathname]
  return method === expected
    ? null
    : `Its method is ${visible(method, 10)}. A request to ${pathname} is made by ${expected}.`
}

/** `failed`: the index of the check that failed; the number of steps if none did. */
const statesOf = (steps: readonly Step[], failed: number): CheckedStep[] =>
  steps.map(({ says }, index) => ({
    says,
    state: index < failed ? 'passed' : index === failed ? 'failed' : 'not_reached',
  }))

type Failed = Extract<Outcome, { kind: 'refused' | 'other_client' }>

const OTHER_CLIENT =
  'The request is of another client than the one of this page. Nothing of it was looked up.'

function failedCheck(outcome: Failed, { checks }: Run): CheckName {
  if (outcome.kind === 'other_client') return 'client'
  // After it, other checks may say whether the keys of the client are to be read again.
  if (outcome.refusal instanceof UnverifiedAssertion) return 'assertion'
  return checks.at(-1) ?? 'request'
}

const tokens = (kind: string) =>
  kind === 'DPoP' ? 'bound to the key of the proof' : 'a bearer token'

const failsAt = (index: number, { length }: readonly Step[]) =>
  `The request fails at check ${index + 1} of ${length}.`

function verdictOf(outcome: Exclude<Outcome, Failed>): string {
  switch (outcome.kind) {
    case 'issued': {
      const { tokenType, lifetimeSeconds, scopes, hasRefreshToken } = outcome.issued
      return `Every check passes. The registry would issue an access token (${tokens(tokenType)}) for ${lifetimeSeconds} seconds with the scopes ${scopes}${hasRefreshToken ? ', and a refresh token' : ''}. Nothing was issued.`
    }
    case 'sign_in':
      return 'Every check passes. The registry would ask the user to sign in.'
    case 'ask_consent':
      return 'Every check passes. The registry would ask you for your consent.'
    case 'code':
      return 'Every check passes. You have consented before, so the registry would send you back with a code. Nothing was issued.'
  }
}

const answerOf = ({ code, status, description }: OAuthError) => ({
  error: code,
  status,
  description: visible(description),
})

function causesOf({ detail, description }: OAuthError, { seen }: Run): string[] {
  if (detail === description) return []
  const ends = /^(?:replayed|shown again)/.test(detail)
    ? ['Such a request also ends what the first use bought. This check ended nothing.']
    : []
  return [causeOf(detail), ...ends, ...(seen.hasUnaskedProof ? [UNASKED] : [])]
}

const UNASKED =
  'Whether the DPoP proof was used before was not asked: it is told only for a key that the code or the refresh token is bound to.'

const IS_ABSOLUTE = /^(?:[a-z][a-z0-9+.-]*:\/)?\//i

/** As curl reads an address: http without a scheme, and a name and a password in it are sent by Basic. */
function addressedBy(sent: SentRequest, issuer: string) {
  const url = URL.parse(IS_ABSOLUTE.test(sent.url) ? sent.url : `http://${sent.url}`, issuer)
  if (url === null) return null
  const { username, password } = url
  url.username = ''
  url.password = ''
  const isAuthorized = sent.headers.some(([name]) => name.toLowerCase() === 'authorization')
  if (isAuthorized || username + password === '') return { sent, url }
  const basic = basicHeader(`${unescaped(username)}:${unescaped(password)}`)
  return { sent: { ...sent, headers: [...sent.headers, basic] }, url }
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

async function run(sent: SentRequest, url: URL, asked: Asked, deps: Deps): Promise<Run | null> {
  const { client, session, now, nowMs } = asked
  const headers = headersOf(sent)
  if (headers === null) return null
  const { settings, checkerStores: stores } = deps
  const checking = { clientId: client.clientId, settings, stores, context: { now, nowMs } }
  if (url.pathname === '/authorize') return runAuthorization(pairsOf(sent, url), session, checking)
  const body = sent.body === null ? {} : { body: sent.body }
  return runTokenRequest(new Request(url, { method: 'POST', headers, ...body }), checking)
}

export async function checkRequest(text: string, asked: Asked, deps: Deps): Promise<CheckResult> {
  const pasted = readPasted(text)
  if ('problem' in pasted) return pasted
  const { issuer } = deps
  const addressed = addressedBy(pasted, issuer)
  if (addressed === null) return { problem: 'The address of the request is malformed.' }
  const { sent, url } = addressed
  const shown = shownRequest(sent, url)
  const fields = firstFields(pairsOf(sent, url))
  const isToken = url.pathname !== '/authorize'
  const { client, declared, now } = asked
  const steps = isToken
    ? tokenSteps(fields.get('grant_type'), client.authMethod)
    : AUTHORIZATION_STEPS
  const common = {
    shown,
    notes: sent.notes,
    // What was not read may have a secret.
    text: sent.notes.length > 0 ? '' : shownAgain(text, shown),
  }
  const elsewhere = whyNotThere(sent, url, issuer)
  const ran = elsewhere === null ? await run(sent, url, asked, deps) : null
  if (ran === null) {
    const causes = [elsewhere ?? 'A header of the request is malformed.']
    const failure = { answer: null, causes, facts: [] }
    return { ...common, verdict: failsAt(0, steps), steps: statesOf(steps, 0), failure }
  }
  const { outcome, seen } = ran
  if (outcome.kind !== 'refused' && outcome.kind !== 'other_client') {
    const notes = seen.hasUnaskedProof ? [...common.notes, UNASKED] : common.notes
    const verdict = verdictOf(outcome)
    return { ...common, notes, verdict, steps: statesOf(steps, steps.length), failure: null }
  }
  const failed = failedCheck(outcome, ran)
  const index = steps.findIndex(({ check }) => check === failed)
  if (index === -1) throw new Error(`the check ${failed} is not listed`)
  const checkedSteps = { verdict: failsAt(index, steps), steps: statesOf(steps, index) }
  if (outcome.kind === 'other_client') {
    const failure = { answer: null, causes: [OTHER_CLIENT], facts: [] }
    return { ...common, ...checkedSteps, failure }
  }
  const { refusal } = outcome
  const headers = new Map(sent.headers.map(([name, value]) => [name.toLowerCase(), value]))
  const facts = await factsOf(failed, {
    ...{ isToken, client, declared, fields, seen, issuer, now },
    authorization: headers.get('authorization') ?? null,
    dpop: headers.get('dpop') ?? null,
  })
  const failure = { answer: answerOf(refusal), causes: causesOf(refusal, ran), facts }
  return { ...common, ...checkedSteps, failure }
}
