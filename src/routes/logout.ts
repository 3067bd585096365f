/** `/logout`: ends the browser's session. */

import { sessionKeyOf } from '../crypto/digest.ts'
import { isWellFormed } from '../crypto/token.ts'
import { signOut } from '../flows/sign-in.ts'
import { readForm } from '../http/body.ts'
import { presentedToken, seeBrowserSession, setSessionCookie } from '../http/browser-session.ts'
import { SIGN_OUT, whyOutOfDate } from '../http/form-token.ts'
import { ownPath } from '../http/next-page.ts'
import { readFields } from '../protocol/fields.ts'
import type { Endpoint, RouteDeps } from './endpoint.ts'
import { sendErrorPage } from './error-page.tsx'
import { sendSignOutPage } from './sign-out-page.tsx'

/** KV may not show a session that was opened elsewhere a moment ago. D1 has it if the registry's own page opened it. */
const isOpenUnseen = async (token: string | null, deps: RouteDeps, now: number) =>
  token !== null &&
  isWellFormed('browserSession', token) &&
  deps.knownBrowsers.isOpen(await sessionKeyOf(token), now)

const STILL_IN = {
  title: 'You are still signed in',
  message: 'The page was out of date, so you were not signed out.',
  hint: 'Check who is signed in, then sign out here.',
}

export const logoutEndpoint: Endpoint = {
  path: '/logout',
  sendError: sendErrorPage,
  post: async (c, deps) => {
    const fields = readFields(await readForm(c))
    const nextPage = ownPath(fields.get('next_page'), deps.issuer)
    // Anyone can invent a cookie and its form token, so only the end of a live session is written.
    const token = presentedToken(c, deps.issuer)
    const seen = await seeBrowserSession(c, deps)
    const isLive = seen ? await seen.holds() : await isOpenUnseen(token, deps, c.get('request').now)
    if (token !== null && isLive) {
      const refusal = await whyOutOfDate(c, fields.get('form_token'), token, SIGN_OUT)
      if (refusal && seen) return sendSignOutPage(c, seen, { ...STILL_IN, refusal, nextPage }, deps)
      if (refusal) throw refusal
      await signOut(token, deps, c.get('request'))
    }
    // Signing out twice is not an error. A post from another site comes without the cookie, so nothing is removed then.
    if (token !== null) setSessionCookie(c, deps.issuer, '', 0)
    return c.redirect(nextPage, 303)
  },
}
