/** The check of one request: which checks passed, which check failed and why, and which were not reached. */

import type { ClientRecord } from '../../domain/client.ts'
import type { SessionRecord } from '../../domain/session.ts'
import { UnverifiedAssertion } from '../../flows/authenticate-client.ts'
import type { CheckedRequest, CheckedStep, Failure } from '../../pages/portal/check-page.tsx'
import type { CheckName } from '../../protocol/checks.ts'
import { type OAuthError, Replayed } from '../../protocol/errors.ts'
import { firstFields } from '../../protocol/fields.ts'
import type { Declared } from '../../stores/shown-client.ts'
import type { ManagementDeps } from '../deps.ts'
import { causeOf, remedyOf } from './causes.ts'
import { headerIn, type SentRequest } from './curl.ts'
import { factsOf } from './facts.ts'
import { pairsOf, shownAgain, shownRequest, visible } from './masked.ts'
import { addressedBy, readPasted, whyNotThere } from './pasted.ts'
import { type Outcome, type Run, runAuthorization, runTokenRequest } from './run.ts'
import { AUTHORIZATION_STEPS, type Step, tokenSteps } from './steps.ts'

export type CheckResult = CheckedRequest | Readonly<{ problem: string }>

type Asked = Readonly<{
  client: ClientRecord
  declared: Declared
  session: SessionRecord
  now: number
  nowMs: number
}>
type Deps = Pick<ManagementDeps, 'settings' | 'checkerStores' | 'issuer'>

/** Headers that a server gets changed, or does not get at all. */
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

/** `failed`: the index of the check that failed; the number of steps if no check failed. */
const statesOf = (steps: readonly Step[], failed: number): CheckedStep[] =>
  steps.map(({ says }, index) => ({
    says,
    state: index < failed ? 'passed' : index === failed ? 'failed' : 'not_reached',
  }))

type Failed = Extract<Outcome, { kind: 'refused' | 'other_client' }>

const OTHER_CLIENT =
  'The request is of another client than the one of this page. Nothing of it was looked up.'

const MALFORMED_HEADER = 'A header of the request is malformed.'

function failedCheck(outcome: Failed, { checks }: Run): CheckName {
  if (outcome.kind === 'other_client') return 'client'
  // After the check of the assertion, further checks may have begun: they decide whether the client's keys are read again.
  if (outcome.refusal instanceof UnverifiedAssertion) return 'assertion'
  return checks.at(-1) ?? 'request'
}

const tokens = (kind: string) =>
  kind === 'DPoP' ? 'bound to the key of the proof' : 'a bearer token'

function verdictOf(outcome: Exclude<Outcome, Failed>): string {
  switch (outcome.kind) {
    case 'issued': {
      const { tokenType, lifetimeSeconds, scopes, hasRefreshToken } = outcome.issued
      return `Every check passes. The registry would issue an access token (${tokens(tokenType)}) for ${lifetimeSeconds} seconds ${scopes === '' ? 'without scopes' : `with the scopes ${scopes}`}${hasRefreshToken ? ', and a refresh token' : ''}. Nothing was issued.`
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

function causesOf(refusal: OAuthError, { seen }: Run): string[] {
  const { detail, description } = refusal
  if (detail === description) return []
  const ends =
    refusal instanceof Replayed
      ? ['Such a request also ends what the first use bought. This check ended nothing.']
      : []
  return [causeOf(detail), ...ends, ...(seen.hasUnaskedProof ? [UNASKED] : [])]
}

const UNASKED =
  'Whether the DPoP proof was used before was not asked: it is told only for a key that the code or the refresh token is bound to.'

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

const NO_ANSWER: Failure = { answer: null, causes: [], remedy: null, facts: [] }

/** `failure`: a sentence if there was no response. */
const failing = (index: number, steps: readonly Step[], failure: Failure | string) => ({
  verdict: `The request fails at check ${index + 1} of ${steps.length}.`,
  steps: statesOf(steps, index),
  failure: typeof failure === 'string' ? { ...NO_ANSWER, causes: [failure] } : failure,
})

export async function checkRequest(text: string, asked: Asked, deps: Deps): Promise<CheckResult> {
  const pasted = readPasted(text)
  if ('problem' in pasted) return pasted
  const { issuer } = deps
  const addressed = addressedBy(pasted, issuer)
  if (addressed === null) return { problem: 'The address of the request is malformed.' }
  const { sent, url } = addressed
  const { client, declared, now } = asked
  const fields = firstFields(pairsOf(sent, url))
  const isToken = url.pathname !== '/authorize'
  const steps = isToken
    ? tokenSteps(fields.get('grant_type'), client.authMethod)
    : AUTHORIZATION_STEPS
  const shown = shownRequest(sent, url)
  const common = {
    shown,
    notes: sent.notes,
    // The parts that were not read may contain a secret.
    text: sent.notes.length > 0 ? '' : shownAgain(text, shown),
  }
  const elsewhere = whyNotThere(sent, url, issuer)
  if (elsewhere !== null) return { ...common, ...failing(0, steps, elsewhere) }
  const ran = await run(sent, url, asked, deps)
  if (ran === null) return { ...common, ...failing(0, steps, MALFORMED_HEADER) }
  const { outcome, seen } = ran
  if (outcome.kind !== 'refused' && outcome.kind !== 'other_client') {
    const notes = seen.hasUnaskedProof ? [...common.notes, UNASKED] : common.notes
    const passed = statesOf(steps, steps.length)
    return { ...common, notes, verdict: verdictOf(outcome), steps: passed, failure: null }
  }
  const failed = failedCheck(outcome, ran)
  const index = steps.findIndex(({ check }) => check === failed)
  if (index === -1) throw new Error(`the check ${failed} is not listed`)
  if (outcome.kind === 'other_client') return { ...common, ...failing(index, steps, OTHER_CLIENT) }
  const facts = await factsOf(failed, {
    ...{ isToken, client, declared, fields, seen, issuer, now },
    authorization: headerIn(sent.headers, 'authorization') ?? null,
    dpop: headerIn(sent.headers, 'dpop') ?? null,
  })
  const { refusal } = outcome
  const failure = {
    answer: answerOf(refusal),
    causes: causesOf(refusal, ran),
    remedy: remedyOf(failed, isToken),
    facts,
  }
  return { ...common, ...failing(index, steps, failure) }
}
