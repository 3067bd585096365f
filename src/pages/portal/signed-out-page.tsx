/** In place of the answer to a form that was sent when the session had ended. */

import type { Branding } from '../../domain/branding.ts'
import { Layout } from '../layout.tsx'
import { HiddenFields } from '../parts.tsx'

type SignedOutPageProps = Readonly<{
  branding: Branding
  action: string
  /** As they were sent. */
  fields: readonly (readonly [name: string, value: string])[]
  signInAddress: string
}>

export const SignedOutPage = (p: SignedOutPageProps) => (
  <Layout branding={p.branding} title="You are signed out">
    <h1>You are signed out</h1>
    <p class="problem" role="alert">
      Nothing was changed, because you are no longer signed in.
    </p>
    <p>
      What you typed is kept on this page.{' '}
      <a href={p.signInAddress} target="_blank" rel="noopener">
        Sign in (in a new tab)
      </a>
      , come back to this page, and continue. You can then check the form and send it.
    </p>
    <form method="post" action={p.action}>
      <HiddenFields fields={p.fields} />
      <div class="actions">
        <button class="primary" type="submit">
          Continue
        </button>
      </div>
    </form>
  </Layout>
)
