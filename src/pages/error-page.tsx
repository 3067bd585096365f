/** The error page that a person sees. */

import type { Child } from 'hono/jsx'
import type { Branding } from '../domain/branding.ts'
import { Layout } from './layout.tsx'
import { Name, Operator, SignedInAs, SignOutForm } from './parts.tsx'

type ErrorPageProps = Readonly<{
  branding: Branding
  title: string
  message: string
  /** The application that it concerns, where known, or null. */
  application?: string | null
  /** What the person can do about it, or null. */
  hint: Child | null
  /** The correlation id, by which the operator finds the cause, or null. */
  reference: string | null
  /** The URL of the page that explains the error code to developers, or null. */
  explanation: string | null
  /** For an error that concerns the user who is signed in. */
  signOut?: Readonly<{ username: string; formToken: string; nextPage: string }>
}>

export const ErrorPage = (p: ErrorPageProps) => (
  <Layout branding={p.branding} title={p.title}>
    <h1>{p.title}</h1>
    <p class="problem">{p.message}</p>
    {p.application && (
      <p>
        The application is <Name>{p.application}</Name>.
      </p>
    )}
    {p.hint !== null && <p>{p.hint}</p>}
    {p.reference !== null && (
      <p>
        Tell <Operator branding={p.branding} /> this reference:{' '}
        <code class="reference">{p.reference}</code>
      </p>
    )}
    {p.explanation !== null && (
      <p class="small muted">
        For developers: <a href={p.explanation}>what this error means, and how to find its cause</a>
      </p>
    )}
    {p.signOut !== undefined && (
      <SignedInAs username={p.signOut.username}>
        <SignOutForm formToken={p.signOut.formToken} nextPage={p.signOut.nextPage} />
      </SignedInAs>
    )}
  </Layout>
)
