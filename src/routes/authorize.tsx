/** `/authorize`: RFC 6749 §3.1. GET shows the consent page, and POST sends its answer. */

import { raw } from 'hono/html'
import { canBeImpersonated, isOnlyLocal } from '../domain/consent.ts'
import { splitScopes } from '../domain/scope.ts'
import { logoPath, nameForPeople } from '../domain/shown-client.ts'
import { decideAuthorization } from '../flows/authorize.ts'
import type { ConsentAnswer, ConsentQuestion } from '../flows/consent.ts'
import {
  type IdentifiedClient,
  identifyByDocument,
  identifyClient,
} from '../flows/identify-client.ts'
import { readForm } from '../http/body.ts'
import {
  type BrowserSession,
  type SeenSession,
  seeBrowserSession,
} from '../http/browser-session.ts'
import { refuseFlood } from '../http/flood.ts'
import { formToken, SIGN_OUT, whyOutOfDate } from '../http/form-token.ts'
import { loginAddress } from '../http/next-page.ts'
import { sendPage } from '../http/page.ts'
import type { HttpContext } from '../http/request-context.ts'
import { ConsentPage, type ConsentPageProps } from '../pages/consent-page.tsx'
import { readAddressee, requestPairs } from '../protocol/authorization-request.ts'
import { ENDORSEMENT_TICK, hiddenPairs, SHOWN, TICK } from '../protocol/consent-form.ts'
import { OAuthError } from '../protocol/errors.ts'
import { type Fields, firstFields, type Pairs } from '../protocol/fields.ts'
import { isSilent } from '../protocol/interaction.ts'
import { redirectKindOf } from '../protocol/redirect-uri.ts'
import { receiveAuthorization } from './authorization-pairs.ts'
import type { Endpoint, RouteDeps } from './endpoint.ts'
import { sendErrorPage } from './error-page.tsx'
import { sendDisabledUserPage, sendReturnPage } from './sign-out-page.tsx'

async function handle(c: HttpContext, pairs: Pairs, isAnswer: boolean, deps: RouteDeps) {
  const { now } = c.get('request')
  const { fields, thisPage, afterSignIn, tooLong, malformed } = receiveAuthorization(
    pairs,
    deps.issuer,
    now,
  )
  const [seen, session] = await Promise.all([
    identifyClient(readAddressee(fields), deps, now),
    seeBrowserSession(c, deps).then(askedOnce),
  ])
  // RFC 9110 §9.2.1: a HEAD request must change nothing, and with a remembered consent a code would be issued.
  if (c.req.method === 'HEAD' && session) return sendPage(c, raw(''), deps.branding)
  const toSignIn = () => {
    if (tooLong) throw tooLong
    return c.redirect(loginAddress(afterSignIn, deps.issuer, deps.loginUrl), 303)
  }
  const identified = seen === 'needs_document' ? await readDocument(c, fields, session, deps) : seen
  if (identified === null) return toSignIn()
  const readAnswer = isAnswer && session ? () => read(c, pairs, fields, session) : null
  const received = { fields, identified, session, readAnswer, malformed }
  const outcome = await decideAuthorization(received, deps, c.get('request'))
  switch (outcome.kind) {
    case 'sign_in':
      return toSignIn()
    case 'disabled_user':
      return sendDisabledUserPage(c, session as BrowserSession, thisPage, deps)
    case 'send_back':
      // The client's own page tells the user about the refusal. The operator learns about it here.
      if (outcome.refusal) c.set('refusal', outcome.refusal)
      return c.redirect(outcome.to, 303)
    case 'not_sent_back':
    case 'nothing_held': {
      const given = { ...outcome, name: nameForPeople(identified.client), nextPage: thisPage }
      return sendReturnPage(c, session as BrowserSession, given, deps)
    }
    case 'ask_consent':
      return sendConsentPage(
        c,
        outcome,
        { fields, identified, session: session as BrowserSession, thisPage },
        deps,
      )
  }
}

/** The same session, but D1 is asked about it only once in the request. */
function askedOnce(session: SeenSession | null): SeenSession | null {
  let holds: Promise<boolean> | undefined
  return (
    session && {
      ...session,
      holds: () => {
        holds ??= session.holds()
        return holds
      },
    }
  )
}

/** The client of the request, after its metadata document was read. Null if no user is signed in. */
async function readDocument(
  c: HttpContext,
  fields: Fields,
  session: SeenSession | null,
  deps: RouteDeps,
): Promise<IdentifiedClient | null> {
  if (!(await session?.holds())) {
    if (!isSilent(fields)) return null
    throw new OAuthError('login_required', 'The user must sign in, which needs a page.', {
      detail: 'nobody is signed in, so the document of the client was not read',
    })
  }
  await refuseFlood(c, deps.refusalLimit)
  return identifyByDocument(readAddressee(fields), deps, c.get('request').now)
}

export const authorizationEndpoint: Endpoint = {
  path: '/authorize',
  sendError: sendErrorPage,
  get: async (c, deps) => handle(c, [...new URL(c.req.url).searchParams], false, deps),
  post: async (c, deps) => handle(c, await readForm(c), true, deps),
}

/** The form token is bound to the whole request and to the shown terms, so that it is valid for no others. */
const consentPurpose = (fields: Fields, shown: string) =>
  ['consent', requestPairs(fields), shown] as const

async function read(
  c: HttpContext,
  pairs: Pairs,
  fields: Fields,
  session: BrowserSession,
): Promise<ConsentAnswer> {
  const shown = fields.get(SHOWN) ?? ''
  const presented = fields.get('form_token')
  const refusal = await whyOutOfDate(c, presented, session.token, consentPurpose(fields, shown))
  if (refusal) return { kind: 'out_of_date', refusal }
  const confirmed = fields.get('confirm') === 'ok'
  const all = (name: string) => pairs.flatMap(([other, value]) => (other === name ? [value] : []))
  const ticked = {
    scopes: all(TICK).flatMap(splitScopes),
    endorsements: all(ENDORSEMENT_TICK),
  }
  return { kind: 'given', confirmed, ticked, shown }
}

const NOTICES = {
  changed:
    'What the application says about itself, or what it asks for, has changed since you opened this page. Nothing was allowed. Read it again before you answer.',
  out_of_date:
    'Your answer did not count, because the page was out of date. Nothing was allowed. Check who is signed in, then answer again.',
} satisfies Record<NonNullable<ConsentQuestion['again']>['kind'], string>

type Opened = Readonly<{
  fields: Fields
  identified: IdentifiedClient
  session: BrowserSession
  thisPage: string
}>

async function sendConsentPage(
  c: HttpContext,
  question: ConsentQuestion & Readonly<{ user: { username: string }; logo: string | null }>,
  { fields, identified, session, thisPage }: Opened,
  deps: RouteDeps,
) {
  const { terms, allowed, lastTime, accessSeconds, fingerprint, user, again } = question
  const { client, redirect } = identified
  const token = await formToken(session.token, consentPurpose(fields, fingerprint))
  // The logo is fetched only for a signed-in user. The page does not wait for it; the next page shows it.
  if (terms.client.logoUri !== '' && question.logo === null) {
    c.var.request.defer(deps.fetchLogo(client.clientId))
  }
  const props: ConsentPageProps = {
    branding: deps.branding,
    terms,
    allowed,
    lastTime,
    redirectKind: redirectKindOf(redirect),
    logoPath: logoPath(question.logo),
    canBeImpersonated: canBeImpersonated(client, redirect) || isOnlyLocal(client),
    accessSeconds,
    notice: again && NOTICES[again.kind],
    username: user.username,
    hidden: hiddenPairs(fields, fingerprint, token),
    signOutToken: await formToken(session.token, SIGN_OUT),
    thisPage,
  }
  return sendPage(c, <ConsentPage {...props} />, deps.branding, {
    mayLeadAway: true,
    refusal: again?.kind === 'out_of_date' ? again.refusal : null,
  })
}

/** The client of the authorization request at `path`, for `/login`; null for another path or an unknown client. */
export async function clientBehind(
  c: HttpContext,
  path: string,
  deps: RouteDeps,
): Promise<IdentifiedClient | null> {
  const { pathname, searchParams } = new URL(path, deps.issuer)
  if (pathname !== '/authorize') return null
  const fields = firstFields([...searchParams])
  const { now } = c.get('request')
  const identified = await identifyClient(readAddressee(fields), deps, now).catch(
    (cause: unknown) => {
      if (cause instanceof OAuthError) return null
      throw cause
    },
  )
  // Nothing is shown of a document that is not fresh.
  return identified === 'needs_document' ? null : identified
}
