/** `/logout`: ends the browser's session. */

import { signOut } from '../flows/sign-in.ts'
import { presentedToken, setSessionCookie } from '../http/browser-session.ts'
import { circumstancesOf } from '../http/circumstances.ts'
import { readForm } from '../http/form.ts'
import { checkFormToken } from '../http/form-token.ts'
import { ownPath } from '../http/next-page.ts'
import { readFields } from '../protocol/fields.ts'
import type { Endpoint } from './endpoint.ts'
import { sendErrorPage } from './error-page.tsx'

/** What a sign-out form's token is for. */
export const SIGN_OUT = ['sign_out'] as const

export const logout: Endpoint = {
  path: '/logout',
  refuse: sendErrorPage,
  post: async (c, deps) => {
    const fields = readFields(await readForm(c))
    const token = presentedToken(c, deps.issuer)
    // Signing out twice is no fault. A post from another site comes without the cookie, so nothing is removed then.
    if (token !== null) {
      await checkFormToken(c, fields.get('form_token'), token, SIGN_OUT)
      await signOut(token, deps, circumstancesOf(c))
      setSessionCookie(c, deps.issuer, '', 0)
    }
    return c.redirect(ownPath(fields.get('next_page'), deps.issuer), 303)
  },
}
