/** Ends the browser session, by POST, and may come back to a page afterwards. */

import { HiddenFields } from './hidden-fields.tsx'

export const SignOutForm = (p: { formToken: string; nextPage: string | null }) => (
  <form class="sign-out" method="post" action="/logout">
    <HiddenFields fields={[['form_token', p.formToken]]} />
    {p.nextPage !== null && <HiddenFields fields={[['next_page', p.nextPage]]} />}
    <button class="plain" type="submit">
      Sign out
    </button>
  </form>
)
