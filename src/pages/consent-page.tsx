/** The page on which a user decides what a client may do. */

import type { Branding } from '../domain/branding.ts'
import type { ConsentTerms } from '../domain/consent.ts'
import { inWords } from '../domain/duration.ts'
import { type Asked, Choices } from './consent-choices.tsx'
import { ConsentClient, OwnName, Target } from './consent-client.tsx'
import { Layout } from './layout.tsx'
import {
  type Hidden,
  HostName,
  PostForm,
  ProblemNotice,
  SignedInAs,
  SignOutForm,
} from './parts.tsx'

export type ConsentPageProps = Readonly<{
  branding: Branding
  terms: ConsentTerms
  /** The scopes that the user has allowed before. The user does not decide on them again. */
  allowed: readonly string[]
  /** Scopes that the user agreed to last time: other scopes are marked as new. Null if nothing is to be marked. */
  lastTime: readonly string[] | null
  redirectKind: 'site' | 'program' | 'app'
  /** The path of the client's logo here; null if there is none. */
  logoPath: string | null
  canBeImpersonated: boolean
  /** How long the client has access. */
  accessSeconds: number
  /** Why the page asks again; null if it asks for the first time. */
  notice: string | null
  username: string
  /** Hidden fields: the authorization request, the fingerprint of the terms, the form token. */
  hidden: Hidden
  signOutToken: string
  /** The page to return to after signing in as another user. */
  thisPage: string
}>

const asked = ({ terms, allowed, lastTime }: ConsentPageProps): Asked => ({
  allowed: terms.scopes.filter(({ scope }) => allowed.includes(scope)),
  scopes: terms.scopes.filter(({ scope }) => !allowed.includes(scope)),
  endorsements: terms.endorsements,
  lastTime,
})

const Facts = ({ terms, accessSeconds }: ConsentPageProps) => (
  <ul class="facts">
    <li>It will not see your password.</li>
    <li>
      {terms.mayRefresh
        ? `Its access lasts for up to ${inWords(accessSeconds)}, also while you are away.`
        : `Its access lasts for ${inWords(accessSeconds)}.`}
    </li>
    <li>
      You can end its access at any time under <a href="/account">Connected applications</a>.
    </li>
  </ul>
)

const Resources = (p: Pick<ConsentTerms, 'resources'>) => (
  <section>
    <h2>The access is for:</h2>
    <ul>
      {p.resources.map(({ uri, name }) => (
        <li>
          <bdi>{name}</bdi> <code>{uri}</code>
        </li>
      ))}
    </ul>
  </section>
)

/** The host of its document, otherwise the name from an operator, otherwise the name that the client gives itself. */
const Asking = ({ client }: Pick<ConsentTerms, 'client'>) => {
  if (client.verifiedHost === null && client.selfRegistered !== null) {
    return (
      <>
        an application that calls itself <OwnName name={client.name} />
      </>
    )
  }
  return (
    <bdi>
      {client.verifiedHost === null ? client.name : <HostName host={client.verifiedHost} />}
    </bdi>
  )
}

/** RFC 8252 §8.6: the server cannot know which program on the device sends the request. */
const Impersonation = ({ redirectKind }: ConsentPageProps) => (
  <p class="caution">
    Any {redirectKind === 'app' ? 'app on this device' : 'program on this computer'} could pose as
    this application. Allow it only if you have just started it yourself.
  </p>
)

export const ConsentPage = (p: ConsentPageProps) => {
  const { client, returnsTo } = p.terms
  const target = { kind: p.redirectKind, host: returnsTo }
  return (
    <Layout branding={p.branding} title="Allow access to your account?">
      <h1>
        Allow <Asking client={client} /> to use your account?
      </h1>
      <ProblemNotice text={p.notice} />
      <ConsentClient
        {...{ client, target, logoPath: p.logoPath }}
        serviceName={p.branding.serviceName}
      />
      {p.canBeImpersonated && <Impersonation {...p} />}
      <PostForm
        action="/authorize"
        class={p.allowed.length > 0 ? '' : 'must-tick'}
        hidden={p.hidden}
      >
        <Choices {...asked(p)} />
        {p.terms.resources.length > 0 && <Resources resources={p.terms.resources} />}
        <Facts {...p} />
        {client.selfRegistered === null && <Target {...target} />}
        <p class="problem nothing-ticked" role="status">
          Nothing is ticked. Tick what you want to allow, or press Cancel.
        </p>
        {/* Cancel is first: the Enter key presses a form's first button. */}
        <div class="actions">
          <button type="submit" name="confirm" value="cancel" formnovalidate>
            Cancel
          </button>
          <button class="primary" type="submit" name="confirm" value="ok">
            Allow
          </button>
        </div>
      </PostForm>
      <SignedInAs username={p.username}>
        <div class="not-you">
          <span>Not you?</span>
          <SignOutForm formToken={p.signOutToken} nextPage={p.thisPage} />
        </div>
      </SignedInAs>
    </Layout>
  )
}
