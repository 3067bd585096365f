/** A page that explains a problem with the signed-in user and offers to sign out. */

import type { Child } from 'hono/jsx'
import type { BrowserSession } from '../http/browser-session.ts'
import { formToken, SIGN_OUT } from '../http/form-token.ts'
import { sendPage } from '../http/page.ts'
import type { HttpContext } from '../http/request-context.ts'
import { ErrorPage } from '../pages/error-page.tsx'
import { OAuthError } from '../protocol/errors.ts'
import type { RouteDeps } from './endpoint.ts'

type Problem = Readonly<{
  refusal: OAuthError
  title: string
  message: string
  hint: Child
  application?: string | null
  /** The page to return to after signing out. */
  nextPage: string
}>

export async function sendSignOutPage(
  c: HttpContext,
  { token, record }: BrowserSession,
  { refusal, title, message, application = null, hint, nextPage }: Problem,
  { loginUrl, branding }: Pick<RouteDeps, 'loginUrl' | 'branding'>,
) {
  const page = (
    <ErrorPage
      branding={branding}
      {...{
        title,
        message,
        application,
        hint,
        reference: c.get('request').correlationId(),
        explanation: null,
      }}
      signOut={{
        username: record.user?.username ?? '',
        formToken: await formToken(token, SIGN_OUT),
        nextPage,
      }}
    />
  )
  return sendPage(c, page, branding, {
    refusal,
    // Signing out leads to the sign-in page.
    mayLeadAway: loginUrl !== null,
  })
}

/** The page that a disabled user sees instead of every page that needs a user. */
export const sendDisabledUserPage = (
  c: HttpContext,
  session: BrowserSession,
  nextPage: string,
  deps: Pick<RouteDeps, 'loginUrl' | 'branding'>,
) =>
  sendSignOutPage(
    c,
    session,
    {
      refusal: new OAuthError('access_denied', 'This account is disabled.', {
        detail: 'disabled user',
      }),
      title: 'This account is disabled',
      message:
        'The operator has disabled your account. It cannot be used here until the operator enables it again.',
      hint: 'You can sign out, and sign in with another account.',
      nextPage,
    },
    deps,
  )

type Returning = Readonly<{
  kind: 'nothing_held' | 'not_sent_back'
  name: string
  to: string
  refusal: OAuthError
  nextPage: string
}>

const WORDS = {
  nothing_held: {
    title: 'Your account cannot be used for this',
    message: () => 'The application asks for permissions that your account does not have.',
  },
  not_sent_back: {
    title: 'This request failed',
    message: ({ description }: OAuthError) => description,
  },
}

/** A page that replaces the consent page and offers to continue to the client: `to` has the error for the client. */
export const sendReturnPage = (
  c: HttpContext,
  session: BrowserSession,
  { kind, name, to, refusal, nextPage }: Returning,
  deps: Pick<RouteDeps, 'loginUrl' | 'branding'>,
) =>
  sendSignOutPage(
    c,
    session,
    {
      ...{ refusal, nextPage, application: name },
      title: WORDS[kind].title,
      message: WORDS[kind].message(refusal),
      hint: (
        <>
          You can sign out, and sign in with another account. Or go back:{' '}
          <a href={to}>
            Return to <bdi>{name}</bdi>
          </a>
        </>
      ),
    },
    deps,
  )
