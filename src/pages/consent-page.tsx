/** The page on which a user decides what a client may do. */

import type { Branding } from '../domain/branding.ts'
import { type ConsentTerms, isOnlyLocal } from '../domain/consent.ts'
import { Layout } from './layout.tsx'
import {
  HiddenFields,
  ProblemNotice,
  ScopeName,
  SignedInAs,
  SignOutForm,
  WebAddress,
} from './parts.tsx'

export type ConsentPageProps = Readonly<{
  branding: Branding
  /** What the user decides on. */
  terms: ConsentTerms
  /** Of the scopes: what the user has allowed before, and need not decide on. */
  allowed: readonly string[]
  /** Why the page asks again, or null. */
  notice: string | null
  username: string
  /** Hidden fields: the authorization request, the fingerprint of the terms, the form token. */
  hidden: readonly (readonly [name: string, value: string])[]
  signOutToken: string
  /** The page to return to after signing in as another user. */
  thisPage: string
}>

const ClientCard = (p: Pick<ConsentTerms, 'client'> & { serviceName: string }) => (
  <section class="client" aria-label="The application">
    <p class="client-name">
      <bdi>{p.client.name}</bdi>
    </p>
    {p.client.description !== '' && (
      <p>
        <bdi>{p.client.description}</bdi>
      </p>
    )}
    {p.client.url !== '' && (
      <p class="small">
        <WebAddress address={p.client.url} />
      </p>
    )}
    <p class="small muted">
      Not run by <bdi>{p.serviceName}</bdi>.
    </p>
  </section>
)

const AllowedBefore = (p: Pick<ConsentTerms, 'scopes'>) => (
  <section>
    <h2>You have already allowed it to:</h2>
    <ul>
      {p.scopes.map(({ scope, sentence }) => (
        <li>
          {sentence} <code>{scope}</code>
        </li>
      ))}
    </ul>
  </section>
)

const Scopes = (p: Pick<ConsentTerms, 'scopes'> & { isMore: boolean }) => (
  <fieldset aria-describedby="untick">
    <legend>{p.isMore ? 'It now also asks to be allowed to:' : 'It asks to be allowed to:'}</legend>
    <p class="small muted" id="untick">
      Untick anything that you do not want to allow.
    </p>
    {p.scopes.map((scope) => (
      <label class="choice">
        <input type="checkbox" name="grant" value={scope.scope} checked />
        <span>
          <ScopeName {...scope} />
        </span>
      </label>
    ))}
  </fieldset>
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

const Endorsements = (p: Pick<ConsentTerms, 'endorsements'>) => (
  <section>
    <h2>With your endorsements, it will also be able to:</h2>
    <ul>
      {p.endorsements.map((sentence) => (
        <li>{sentence}</li>
      ))}
    </ul>
  </section>
)

const allowedIn = (p: ConsentPageProps, isAllowed: boolean) =>
  p.terms.scopes.filter(({ scope }) => p.allowed.includes(scope) === isAllowed)

export const ConsentPage = (p: ConsentPageProps) => (
  <Layout branding={p.branding} title="Allow access to your account?">
    <h1>Allow access to your account?</h1>
    <ProblemNotice text={p.notice} />
    <ClientCard client={p.terms.client} serviceName={p.branding.serviceName} />
    <form method="post" action="/authorize">
      <HiddenFields fields={p.hidden} />
      {p.allowed.length > 0 && <AllowedBefore scopes={allowedIn(p, true)} />}
      {p.terms.scopes.length > 0 && (
        <Scopes scopes={allowedIn(p, false)} isMore={p.allowed.length > 0} />
      )}
      {p.terms.resources.length > 0 && <Resources resources={p.terms.resources} />}
      {p.terms.endorsements.length > 0 && <Endorsements endorsements={p.terms.endorsements} />}
      <p class="returns">
        Either way, you will be sent to{' '}
        <strong>
          <bdi>{p.terms.returnsTo}</bdi>
        </strong>
        .
      </p>
      {isOnlyLocal(p.terms.client) && (
        <p class="small">
          Any program on this computer could pose as this application. Allow it only if you have
          just started it yourself.
        </p>
      )}
      {/* Cancel is first: the Enter key presses a form's first button. */}
      <div class="actions">
        <button type="submit" name="confirm" value="cancel" formnovalidate>
          Cancel
        </button>
        <button class="primary" type="submit" name="confirm" value="ok">
          Allow
        </button>
      </div>
    </form>
    <SignedInAs username={p.username}>
      <div class="not-you">
        <span>Not you?</span>
        <SignOutForm formToken={p.signOutToken} nextPage={p.thisPage} />
      </div>
    </SignedInAs>
  </Layout>
)
