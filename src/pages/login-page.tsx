/** The sign-in page. */

import type { Branding } from '../domain/branding.ts'
import { Layout } from './layout.tsx'
import { Name, PostForm, ProblemNotice, Submit } from './parts.tsx'

export type LoginPageProps = Readonly<{
  branding: Branding
  formToken: string
  nextPage: string
  /** The client that sent the user here, or null. */
  client: Readonly<{ name: string; isSelfNamed: boolean }> | null
  /** The username that the user typed before; empty at first. */
  username: string
  /** Why the last attempt failed, or null. */
  problem: string | null
}>

const PROBLEM_ID = 'problem'

export const LoginPage = (p: LoginPageProps) => {
  const marks =
    p.problem === null ? {} : { 'aria-describedby': PROBLEM_ID, 'aria-invalid': 'true' as const }
  return (
    <Layout branding={p.branding} title={p.problem === null ? 'Sign in' : 'Problem: Sign in'}>
      <h1>Sign in</h1>
      {p.client !== null && (
        <p class="lead">
          to continue to {p.client.isSelfNamed && 'an application that calls itself '}
          <Name>{p.client.name}</Name>
        </p>
      )}
      <ProblemNotice text={p.problem} id={PROBLEM_ID} />
      <PostForm
        action="/login"
        hidden={[
          ['next_page', p.nextPage],
          ['form_token', p.formToken],
        ]}
      >
        <label class="field">
          <span>Username</span>
          <input
            type="text"
            name="username"
            value={p.username}
            autocomplete="username"
            autocapitalize="none"
            spellcheck={false}
            required
            autofocus={p.username === ''}
          />
        </label>
        <label class="field">
          <span>Password</span>
          <input
            type="password"
            name="password"
            autocomplete="current-password"
            required
            autofocus={p.username !== ''}
            {...marks}
          />
        </label>
        {p.branding.links.forgotPassword !== null && (
          <p class="small">
            <a href={p.branding.links.forgotPassword}>Forgot your password?</a>
          </p>
        )}
        <Submit>Sign in</Submit>
      </PostForm>
    </Layout>
  )
}
