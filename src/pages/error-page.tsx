/** What a person sees when a request cannot go on and nobody can be told but them. */

import { Layout } from './layout.tsx'
import { SignedInAs, SignOutForm } from './parts.tsx'

export type ErrorPageProps = Readonly<{
  title: string
  message: string
  /** What the person can do about it, or null. */
  hint: string | null
  /** By which the operator finds out more, or null. */
  reference: string | null
  /** Where developers read what this means in general, or null. */
  explanation: string | null
  /** For an error that is about the user who is signed in. */
  signOut?: Readonly<{ username: string; formToken: string; nextPage: string }>
}>

export const ErrorPage = (p: ErrorPageProps) => (
  <Layout title={p.title}>
    <h1>{p.title}</h1>
    <p class="problem">{p.message}</p>
    {p.hint !== null && <p>{p.hint}</p>}
    {p.reference !== null && (
      <p>
        Tell the operator this reference: <code class="reference">{p.reference}</code>
      </p>
    )}
    {p.explanation !== null && (
      <p class="small muted">
        For developers: <a href={p.explanation}>what this error means</a>
      </p>
    )}
    {p.signOut !== undefined && (
      <SignedInAs username={p.signOut.username}>
        <SignOutForm formToken={p.signOut.formToken} nextPage={p.signOut.nextPage} />
      </SignedInAs>
    )}
  </Layout>
)
