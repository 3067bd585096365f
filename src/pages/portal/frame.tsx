/**
 * What every page of the portal has: the navigation, a notice of what was done or went wrong, and the name of the signed-in
 * user.
 */

import type { Child } from 'hono/jsx'
import type { Branding } from '../../domain/branding.ts'
import { Layout } from '../layout.tsx'
import {
  type Hidden,
  Navigation,
  type Place,
  PostForm,
  ProblemNotice,
  SignedInAs,
  SignOutForm,
  Submit,
} from '../parts.tsx'

export const PORTAL_STYLE_PATH = '/portal.css'

export const clientPath = (clientId: string, page = '') =>
  `/clients/${encodeURIComponent(clientId)}${page === '' ? '' : `/${page}`}`

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

/** `errors`: one sentence for each field, by the field's name. */
export type FormProblem = Readonly<{
  sentence: string
  errors: Readonly<Record<string, string>>
}>

/** A screen reader reads the summary at once; each line leads to its field. */
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

/** `title` and `heading` must not come from a client: a name belongs in the page's text, where its direction is isolated. */
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

export type ClientFrameProps = Readonly<{ frame: FrameProps; clientId: string; name: string }>

export const ClientFrame = (p: ClientFrameProps & Readonly<{ title: string; children: Child }>) => (
  <PortalFrame {...p.frame} title={p.title} about={p.name}>
    {p.children}
    <p>
      <a href={clientPath(p.clientId)}>Back to the client</a>
    </p>
  </PortalFrame>
)

type SignedOutPageProps = Readonly<{
  branding: Branding
  action: string
  /** The fields as they were sent. */
  fields: Hidden
  signInAddress: string
}>

/** The page instead of a response to a form that was sent after the end of the session. */
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
    <PostForm action={p.action} hidden={p.fields}>
      <Submit>Continue</Submit>
    </PostForm>
  </Layout>
)
