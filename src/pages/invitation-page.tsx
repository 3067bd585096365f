/** The page on which an invited user sets a password, and the pages that follow. */

import { raw } from 'hono/html'
import type { Branding } from '../domain/branding.ts'
import { Layout } from './layout.tsx'
import { HiddenFields, Name, PostForm, ProblemNotice, Submit } from './parts.tsx'

export type InvitationPageProps = Readonly<{
  branding: Branding
  formToken: string
  /** The invitation that was posted before; empty at first, when only the browser has it. */
  invitation: string
  /** Why the last attempt failed, or null. */
  problem: string | null
}>

/**
 * Moves the invitation from the address into the form, and removes it from the history. Browsers do not send this part of an
 * address. Without script the user pastes the link.
 */
export const INVITATION_SCRIPT = `
const input = document.querySelector('input[name=invitation]')
function takeFromAddress() {
  if (!location.hash.startsWith('#regi_')) return
  input.value = location.hash
  input.type = 'hidden'
  input.closest('label')?.replaceWith(input)
  history.replaceState(null, '', location.pathname)
}
takeFromAddress()
addEventListener('hashchange', takeFromAddress)
`
/** base64 SHA-256 of the script: the page's policy allows this script and no other. */
export const INVITATION_SCRIPT_DIGEST = 'NnxlH3LkPzJNqfypkQkMwO7Zq/EHbEIFW+TjKhztBB4='

const PROBLEM_ID = 'problem'
const TITLE = 'Set your password'

const PasswordField = (p: { name: string; label: string; problem: string | null }) => (
  <label class="field">
    <span>{p.label}</span>
    <input
      type="password"
      name={p.name}
      autocomplete="new-password"
      required
      {...(p.problem !== null && {
        'aria-describedby': PROBLEM_ID,
        'aria-invalid': 'true' as const,
      })}
    />
  </label>
)

export const InvitationPage = (p: InvitationPageProps) => (
  <Layout branding={p.branding} title={p.problem === null ? TITLE : `Problem: ${TITLE}`}>
    <h1>{TITLE}</h1>
    <p class="lead">
      You were invited to <Name>{p.branding.serviceName}</Name>. Choose a password of at least eight
      characters. The next page shows your username, and you then sign in with both.
    </p>
    <p class="small">
      If you have signed in before, the new password replaces the old one, and everything that is
      signed in to your account now is signed out.
    </p>
    <ProblemNotice text={p.problem} id={PROBLEM_ID} />
    <PostForm action="/invitation" hidden={[['form_token', p.formToken]]}>
      {p.invitation === '' ? (
        <label class="field">
          <span>Paste the whole link that you received</span>
          <input type="text" name="invitation" autocomplete="off" spellcheck={false} required />
        </label>
      ) : (
        <HiddenFields fields={[['invitation', p.invitation]]} />
      )}
      <PasswordField name="password" label="New password" problem={p.problem} />
      <PasswordField name="password_again" label="New password, again" problem={p.problem} />
      <Submit>Set password</Submit>
    </PostForm>
    <script>{raw(INVITATION_SCRIPT)}</script>
  </Layout>
)

export const PasswordSetPage = (p: { branding: Branding; username: string }) => (
  <Layout branding={p.branding} title="Password set">
    <h1>Your password is set</h1>
    <p>
      Your username is <Name>{p.username}</Name>. The link that you used is no longer valid.
    </p>
    <p class="actions">
      <a class="button primary" href="/login">
        Sign in
      </a>
    </p>
  </Layout>
)
