/** The error page for people, and the explanations of the error codes for a client's developer. */

import type { Child } from 'hono/jsx'
import type { Branding } from '../domain/branding.ts'
import type { ExplainedCode } from './error-explanations.ts'
import { Layout } from './layout.tsx'
import { Name, Operator, SignedInAs, SignOutForm } from './parts.tsx'

type ErrorPageProps = Readonly<{
  branding: Branding
  title: string
  message: string
  /** The application that the error concerns, or null if it is not known. */
  application?: string | null
  /** What the person can do about the error, or null. */
  hint: Child | null
  /** The correlation id, by which the operator finds the cause, or null. */
  reference: string | null
  /** The URL of the page that explains the error code to developers, or null. */
  explanation: string | null
  /** The sign-out form, for an error that concerns the signed-in user. */
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

type Branded = Readonly<{ branding: Branding }>

/** The text is the same for every code: only the owners and the operator can see the cause of one refusal. */
const LookFurther = (p: Branded) => (
  <section>
    <h2>To find out more</h2>
    <p>
      The response has a header <code>X-Correlation-Id</code>. An error page shows it as the
      reference. With it the exact cause can be looked up for one day: by an owner of the client, at{' '}
      <a href="/clients">Your clients</a> with “Check a request”, and by{' '}
      <Operator branding={p.branding} />.
    </p>
  </section>
)

export const ExplanationPage = (p: ExplainedCode & Branded) => (
  <Layout branding={p.branding} title={`Error ${p.code}`}>
    <h1>
      <code>{p.code}</code>
    </h1>
    <p class="lead">{p.meaning}</p>
    <section>
      <h2>Usual causes</h2>
      <ul>
        {p.causes.map((cause) => (
          <li>{cause}</li>
        ))}
      </ul>
    </section>
    <section>
      <h2>What to do</h2>
      <p>{p.remedy}</p>
    </section>
    <LookFurther branding={p.branding} />
    <p class="small muted">
      The usual status is {p.status}. <a href="/errors">All error codes</a>
    </p>
  </Layout>
)

export const ExplanationIndexPage = (
  p: Branded & Readonly<{ codes: readonly Pick<ExplainedCode, 'code' | 'meaning'>[] }>,
) => (
  <Layout branding={p.branding} title="Error codes">
    <h1>Error codes</h1>
    <p class="lead">What each error of this authorization server means, and what to do.</p>
    <dl>
      {p.codes.map(({ code, meaning }) => (
        <>
          <dt>
            <a href={`/errors/${code}`}>
              <code>{code}</code>
            </a>
          </dt>
          <dd>{meaning}</dd>
        </>
      ))}
    </dl>
    <LookFurther branding={p.branding} />
    <p class="small">
      <a href="/">To the start page</a>
    </p>
  </Layout>
)
