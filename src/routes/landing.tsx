/** `/`: the page that says what the registry is. */

import { seeBrowserSession } from '../http/browser-session.ts'
import { formToken, SIGN_OUT } from '../http/form-token.ts'
import { sendPage } from '../http/page.ts'
import { LandingPage } from '../pages/landing-page.tsx'
import type { Endpoint } from './endpoint.ts'
import { sendErrorPage } from './error-page.tsx'

export const landingEndpoint: Endpoint = {
  path: '/',
  sendError: sendErrorPage,
  isRoutine: true,
  get: async (c, deps) => {
    const session = await seeBrowserSession(c, deps)
    const signedIn =
      session && (await session.holds())
        ? {
            username: session.record.user?.username ?? '',
            signOutToken: await formToken(session.token, SIGN_OUT),
          }
        : null
    const { branding, issuer, hasPortal, hasDirectory } = deps
    const page = <LandingPage {...{ branding, issuer, signedIn, hasPortal, hasDirectory }} />
    return sendPage(c, page, branding)
  },
}
