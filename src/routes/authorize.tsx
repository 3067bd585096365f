/** `/authorize`: RFC 6749 §3.1. The consent page on GET, its answer on POST. */

import type { Context } from 'hono'
import { endorsementSentence, scopeSentence } from '../domain/scope-catalogue.ts'
import {
  type Answer,
  type Asking,
  type AuthorizeOutcome,
  authorize as decide,
  identifyAsking,
} from '../flows/authorize.ts'
import { type BrowserSession, seeBrowserSession } from '../http/browser-session.ts'
import { circumstancesOf } from '../http/circumstances.ts'
import { explain } from '../http/explain.ts'
import { readForm } from '../http/form.ts'
import { checkFormToken, formToken } from '../http/form-token.ts'
import { loginAddress } from '../http/next-page.ts'
import { sendPage } from '../http/page.ts'
import { ConsentPage } from '../pages/consent-page.tsx'
import { requestPairs } from '../protocol/authorization-request.ts'
import { OAuthError } from '../protocol/errors.ts'
import { type Fields, firstFields, repeatedFields, repetition } from '../protocol/fields.ts'
import { cspSourceOf, displayHostOf } from '../protocol/redirect-uri.ts'
import type { Endpoint, RouteDeps } from './endpoint.ts'
import { sendErrorPage } from './error-page.tsx'
import { SIGN_OUT } from './logout.ts'

/** A ticked scope on the consent form: the one field that occurs once per box. */
const TICK = 'grant'

/** RFC 6749 §3.1 forbids repetition. Of these two it makes the answer's address unsure, so nobody is redirected. */
const DECIDES_ADDRESS = ['client_id', 'redirect_uri']

async function handle(c: Context, pairs: URLSearchParams, isAnswer: boolean, deps: RouteDeps) {
  const repeated = repeatedFields(pairs).filter((name) => name !== TICK)
  if (repeated.some((name) => DECIDES_ADDRESS.includes(name))) throw repetition(repeated)
  const fields = firstFields(pairs)
  const circumstances = circumstancesOf(c)
  const asked = { clientId: fields.get('client_id'), redirectUri: fields.get('redirect_uri') }
  const [asking, session] = await Promise.all([
    identifyAsking(asked, deps),
    seeBrowserSession(c, deps, circumstances.nowMs),
  ])
  const answer = isAnswer && session ? () => readAnswer(c, pairs, fields, session) : null
  const malformed = repeated.length > 0 ? repetition(repeated) : null
  const outcome = await decide(fields, asking, session, answer, malformed, deps, circumstances)
  return send(c, outcome, fields, session, deps)
}

export const authorize: Endpoint = {
  path: '/authorize',
  refuse: sendErrorPage,
  get: async (c, deps) => handle(c, new URL(c.req.url).searchParams, false, deps),
  post: async (c, deps) => handle(c, await readForm(c), true, deps),
}

/** The form token is bound to the whole request, so that no page's token answers another request. */
const consentPurpose = (fields: Fields) => ['consent', requestPairs(fields)] as const

async function readAnswer(
  c: Context,
  pairs: URLSearchParams,
  fields: Fields,
  session: BrowserSession,
): Promise<Answer> {
  await checkFormToken(c, fields.get('form_token'), session.token, consentPurpose(fields))
  return { confirmed: fields.get('confirm') === 'ok', ticked: pairs.getAll(TICK) }
}

async function send(
  c: Context,
  outcome: AuthorizeOutcome,
  fields: Fields,
  session: BrowserSession | null,
  deps: RouteDeps,
) {
  const thisPage = `/authorize?${new URLSearchParams(requestPairs(fields).map((pair) => [...pair]))}`
  switch (outcome.kind) {
    case 'sign_in':
      return c.redirect(loginAddress(thisPage, deps.issuer, deps.loginUrl), 303)
    case 'send_back':
      if (outcome.refusal) noteRefusal(c, outcome.refusal)
      return c.redirect(outcome.to, 303)
    case 'ask_consent':
      return sendConsentPage(c, outcome, fields, session as BrowserSession, thisPage)
  }
}

/** The client's own page tells the user; the id is for whoever looks at the redirect, and for the operator. */
function noteRefusal(c: Context, refusal: OAuthError) {
  for (const [name, value] of Object.entries(explain(c, refusal).headers)) c.header(name, value)
}

async function sendConsentPage(
  c: Context,
  asked: Extract<AuthorizeOutcome, { kind: 'ask_consent' }>,
  fields: Fields,
  session: BrowserSession,
  thisPage: string,
) {
  const page = (
    <ConsentPage
      client={asked.client}
      username={asked.user.username}
      scopes={asked.scopes.map((scope) => ({ scope, sentence: scopeSentence(scope) }))}
      endorsements={asked.endorsements.map(endorsementSentence)}
      returnsTo={displayHostOf(asked.redirect)}
      formToken={await formToken(session.token, consentPurpose(fields))}
      signOutToken={await formToken(session.token, SIGN_OUT)}
      request={requestPairs(fields)}
      thisPage={thisPage}
    />
  )
  return sendPage(c, page, { formTarget: cspSourceOf(asked.redirect) })
}

/** The authorization request that a page of ours leads to, if it is one and its client is known: for `/login`. */
export async function askingBehind(path: string, deps: RouteDeps): Promise<Asking | null> {
  const { pathname, searchParams } = new URL(path, deps.issuer)
  if (pathname !== '/authorize') return null
  const fields = firstFields(searchParams)
  const asked = { clientId: fields.get('client_id'), redirectUri: fields.get('redirect_uri') }
  return identifyAsking(asked, deps).catch((cause: unknown) => {
    if (cause instanceof OAuthError) return null
    throw cause
  })
}
