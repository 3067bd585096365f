/** What every page of the portal has: the navigation, a notice of what was done or went wrong, and who is signed in. */

import type { Child } from 'hono/jsx'
import type { Branding } from '../../domain/branding.ts'
import { Layout } from '../layout.tsx'
import { Navigation, type Place, ProblemNotice, SignedInAs, SignOutForm } from '../parts.tsx'

export const PORTAL_STYLE_PATH = '/portal.css'

/** The pages of one client. */
export const clientPath = (clientId: string, page = '') =>
  `/clients/${encodeURIComponent(clientId)}${page === '' ? '' : `/${page}`}`

export type Hidden = readonly (readonly [name: string, value: string])[]

export type FrameProps = Readonly<{
  branding: Branding
  username: string
  mayApprove: boolean
  signOutToken: string
  /** What was done, or null. */
  done: string | null
  /** Why nothing was done, or null. */
  problem: FormProblem | null
}>

/** `errors`: by the name of the field, a sentence each. */
export type FormProblem = Readonly<{
  sentence: string
  errors: Readonly<Record<string, string>>
}>

/** A screen reader reads it at once; each line leads to its field. */
const ProblemSummary = ({ problem }: { problem: FormProblem }) => {
  const errors = Object.entries(problem.errors)
  if (errors.length === 0) return <ProblemNotice text={problem.sentence} />
  return (
    <div class="problem" role="alert">
      <p>{problem.sentence}</p>
      <ul>
        {errors.map(([name, sentence]) => (
          <li>
            <a href={`#${name}`}>{sentence}</a>
          </li>
        ))}
      </ul>
    </div>
  )
}

/** `title` and `heading` must not come from a client: a name stands in the page's text, isolated. */
export const PortalFrame = (
  p: FrameProps & Readonly<{ title: string; about?: string; place?: Place; children: Child }>,
) => (
  <Layout branding={p.branding} title={p.problem === null ? p.title : `Problem: ${p.title}`}>
    <link rel="stylesheet" href={PORTAL_STYLE_PATH} />
    <Navigation current={p.place ?? '/clients'} mayApprove={p.mayApprove} />
    <h1>{p.title}</h1>
    {p.about !== undefined && (
      <p class="about" dir="auto">
        <bdi>{p.about}</bdi>
      </p>
    )}
    {p.done !== null && (
      <p class="notice" role="status">
        {p.done}
      </p>
    )}
    {p.problem !== null && <ProblemSummary problem={p.problem} />}
    {p.children}
    <SignedInAs username={p.username}>
      <SignOutForm formToken={p.signOutToken} nextPage={p.place ?? '/clients'} />
    </SignedInAs>
  </Layout>
)
