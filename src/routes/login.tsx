/** `/login`: the built-in sign-in page. */

import { digest } from '../crypto/digest.ts'
import { randomText } from '../crypto/random.ts'
import type { Client } from '../domain/client.ts'
import { isSelfNamed, nameForPeople } from '../domain/shown-client.ts'
import { KNOWN_BROWSER_SECONDS, signIn } from '../flows/sign-in.ts'
import { readForm } from '../http/body.ts'
import {
  hostCookie,
  presentedToken,
  setHostCookie,
  setSessionCookie,
} from '../http/browser-session.ts'
import { refuseFlood } from '../http/flood.ts'
import { formToken, whyOutOfDate } from '../http/form-token.ts'
import { loginAddress, loginHintIn, ownPath } from '../http/next-page.ts'
import { sendPage } from '../http/page.ts'
import type { HttpContext } from '../http/request-context.ts'
import { LoginPage } from '../pages/login-page.tsx'
import { OAuthError } from '../protocol/errors.ts'
import { readFields } from '../protocol/fields.ts'
import { clientBehind } from './authorize.tsx'
import type { Endpoint, RouteDeps } from './endpoint.ts'
import { sendErrorPage } from './error-page.tsx'

const SIGN_IN = ['sign_in'] as const
/** How long a sign-in page may stay open before its form expires. */
const FORM_LIFETIME_SECONDS = 86_400

/** The cookie with the secret from which the sign-in form's token is derived, before there is a session. */
const FORM_COOKIE = 'registry_sign_in'
/** The cookie that identifies a browser from which the user has signed in. It gives no access. */
const BROWSER_COOKIE = 'registry_browser'
/** The form of a text that `randomText` makes. */
const BROWSER_TOKEN = /^[\w-]{43}$/

type Shown = Readonly<{
  nextPage: string
  username: string
  refusal: OAuthError | null
}>

function browserTokenOf(c: HttpContext, issuer: string): string | null {
  const token = hostCookie(c, issuer, BROWSER_COOKIE)
  return token !== undefined && BROWSER_TOKEN.test(token) ? token : null
}

const wrongCredentials = (detail: string) =>
  new OAuthError('access_denied', 'The username or the password is wrong.', { detail })

const shownClient = (client: Client) => ({
  name: nameForPeople(client),
  isSelfNamed: isSelfNamed(client),
})

async function show(c: HttpContext, { nextPage, username, refusal }: Shown, deps: RouteDeps) {
  const secret = hostCookie(c, deps.issuer, FORM_COOKIE) ?? randomText()
  setHostCookie(c, deps.issuer, {
    name: FORM_COOKIE,
    value: secret,
    lifetimeSeconds: FORM_LIFETIME_SECONDS,
  })
  const identified = await clientBehind(c, nextPage, deps)
  const page = (
    <LoginPage
      branding={deps.branding}
      formToken={await formToken(secret, SIGN_IN)}
      nextPage={nextPage}
      client={identified && shownClient(identified.client)}
      username={username}
      problem={refusal?.description ?? null}
    />
  )
  // After the sign-in, a remembered consent redirects to the client, which browsers count as part of this form's response.
  return sendPage(c, page, deps.branding, {
    refusal,
    mayLeadAway: identified !== null,
  })
}

/** A browser from which the user has signed in has its own limit: a stranger in its network must not lock it out. */
async function refuseFloodOfStrangers(
  c: HttpContext,
  { username, browserToken }: Parameters<typeof signIn>[0],
  { loginLimit, knownBrowsers }: RouteDeps,
) {
  try {
    await refuseFlood(c, loginLimit)
  } catch (flood) {
    if (!(flood instanceof OAuthError) || browserToken === null) throw flood
    const isKnown = await knownBrowsers.knows(username, browserToken, c.get('request').now)
    if (!isKnown) throw flood
    const key = `browser ${await digest(browserToken)}`
    const { success } = await loginLimit.limit({ key }).catch(() => ({ success: true }))
    if (!success) throw flood
  }
}

async function attempt(c: HttpContext, asked: Parameters<typeof signIn>[0], deps: RouteDeps) {
  await refuseFloodOfStrangers(c, asked, deps)
  const signedIn = await signIn(asked, deps, c.get('request'))
  if (typeof signedIn === 'string') throw wrongCredentials(signedIn)
  return signedIn
}

export const loginEndpoint: Endpoint = {
  path: '/login',
  sendError: sendErrorPage,
  get: async (c, deps) => {
    const { issuer, loginUrl } = deps
    const nextPage = ownPath(c.req.query('next_page'), issuer)
    if (loginUrl !== null) return c.redirect(loginAddress(nextPage, issuer, loginUrl), 303)
    return show(c, { nextPage, username: loginHintIn(nextPage, issuer), refusal: null }, deps)
  },
  post: async (c, deps) => {
    const { issuer, loginUrl } = deps
    if (loginUrl !== null) throw new OAuthError('invalid_request', 'Users sign in elsewhere.')
    const fields = readFields(await readForm(c))
    const nextPage = ownPath(fields.get('next_page'), issuer)
    // A phone's keyboard may add a space after the name.
    const username = (fields.get('username') ?? '').trim()
    const password = fields.get('password') ?? ''
    const secret = hostCookie(c, issuer, FORM_COOKIE) ?? null
    const previousToken = presentedToken(c, issuer)
    const browserToken = browserTokenOf(c, issuer)
    const asked = { username, password, previousToken, browserToken }
    const signedIn = await whyOutOfDate(c, fields.get('form_token'), secret, SIGN_IN)
      .then(async (refusal) => refusal ?? attempt(c, asked, deps))
      .catch((cause: unknown) => {
        if (cause instanceof OAuthError) return cause
        throw cause
      })
    if (signedIn instanceof OAuthError) {
      return show(c, { nextPage, username, refusal: signedIn }, deps)
    }
    setSessionCookie(c, issuer, signedIn.token, signedIn.lifetimeSeconds)
    setHostCookie(c, issuer, {
      name: BROWSER_COOKIE,
      value: signedIn.browserToken,
      lifetimeSeconds: KNOWN_BROWSER_SECONDS,
    })
    setHostCookie(c, issuer, { name: FORM_COOKIE, value: '', lifetimeSeconds: 0 })
    return c.redirect(nextPage, 303)
  },
}
