/** `/logout`: ends the browser's session. */

import { digest } from '../crypto/digest.ts'
import { isWellFormed } from '../crypto/token.ts'
import { signOut } from '../flows/sign-in.ts'
import { presentedToken, seeBrowserSession, setSessionCookie } from '../http/browser-session.ts'
import { circumstancesOf } from '../http/circumstances.ts'
import { readForm } from '../http/form.ts'
import { checkFormToken } from '../http/form-token.ts'
import { ownPath } from '../http/next-page.ts'
import { readFields } from '../protocol/fields.ts'
import type { Endpoint, RouteDeps } from './endpoint.ts'
import { sendErrorPage } from './error-page.tsx'

/** What a sign-out form's token is for. */
export const SIGN_OUT = ['sign_out'] as const

/** KV may not show yet a session that was opened elsewhere a moment ago; D1 knows of those that we opened. */
const isOpenUnseen = async (token: string | null, deps: RouteDeps, now: number) =>
  token !== null &&
  isWellFormed('browserSession', token) &&
  deps.knownBrowsers.isOpen(await digest(token), now)

export const logout: Endpoint = {
  path: '/logout',
  refuse: sendErrorPage,
  post: async (c, deps) => {
    const fields = readFields(await readForm(c))
    const circumstances = circumstancesOf(c)
    // Anyone can make up a cookie and the form token that belongs to it: only the end of a live session is written.
    const token = presentedToken(c, deps.issuer)
    const seen = await seeBrowserSession(c, deps, circumstances.nowMs)
    const isLive = seen ? await seen.holds() : await isOpenUnseen(token, deps, circumstances.now)
    if (token !== null && isLive) {
      await checkFormToken(c, fields.get('form_token'), token, SIGN_OUT)
      await signOut(token, deps, circumstances)
    }
    // Signing out twice is no fault. A post from another site comes without the cookie, so nothing is removed then.
    if (token !== null) setSessionCookie(c, deps.issuer, '', 0)
    return c.redirect(ownPath(fields.get('next_page'), deps.issuer), 303)
  },
}
