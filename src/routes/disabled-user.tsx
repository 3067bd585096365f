/** What a user whom the operator has disabled sees in place of every page that needs a user. */

import type { Context } from 'hono'
import type { BrowserSession } from '../http/browser-session.ts'
import { explain } from '../http/explain.ts'
import { formToken } from '../http/form-token.ts'
import { sendPage } from '../http/page.ts'
import { ErrorPage } from '../pages/error-page.tsx'
import { OAuthError } from '../protocol/errors.ts'
import type { RouteDeps } from './endpoint.ts'
import { SIGN_OUT } from './logout.ts'

/** `thisPage`: where to come back to as somebody else. */
export async function sendDisabledUserPage(
  c: Context,
  { token, record }: BrowserSession,
  thisPage: string,
  { loginUrl }: Pick<RouteDeps, 'loginUrl'>,
) {
  const refusal = new OAuthError('access_denied', 'This account is disabled.', {
    detail: 'disabled user',
  })
  const { correlationId, headers } = explain(c, refusal)
  const page = (
    <ErrorPage
      title="This account is disabled"
      message="The operator has disabled your account. It cannot be used here until the operator enables it again."
      hint="You can sign out, and sign in with another account."
      reference={correlationId}
      explanation={null}
      signOut={{
        username: record.user?.username ?? '',
        formToken: await formToken(token, SIGN_OUT),
        nextPage: thisPage,
      }}
    />
  )
  return sendPage(c, page, {
    status: refusal.status,
    headers,
    // Signing out leads to the sign-in page.
    mayLeadAway: loginUrl !== null,
  })
}
