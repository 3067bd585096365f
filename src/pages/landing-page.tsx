/** The page at the issuer's address. */

import type { Branding } from '../domain/branding.ts'
import { Layout } from './layout.tsx'
import { Row, SignedInAs, SignOutForm } from './parts.tsx'

type LandingPageProps = Readonly<{
  branding: Branding
  /** The issuer's URL, without a slash at the end. */
  issuer: string
  /** Null if no user is signed in. */
  signedIn: Readonly<{ username: string; signOutToken: string }> | null
  hasPortal: boolean
  /** Can everybody read the directory? */
  hasDirectory: boolean
}>

export const LandingPage = (p: LandingPageProps) => (
  <Layout branding={p.branding} title="Welcome">
    <h1>Your account and its applications</h1>
    <p class="lead">
      <bdi>{p.branding.serviceName}</bdi> lets applications use your account without seeing your
      password. You decide what each application may do.
    </p>
    {p.signedIn === null ? (
      <div class="actions">
        <a class="button primary" href="/login">
          Sign in
        </a>
      </div>
    ) : (
      <>
        <SignedInAs username={p.signedIn.username}>
          <SignOutForm formToken={p.signedIn.signOutToken} nextPage={null} />
        </SignedInAs>
        <p>
          <a href="/account">Connected applications</a>
        </p>
        {p.hasPortal && (
          <p>
            <a href="/clients">Your clients</a>
          </p>
        )}
      </>
    )}
    {p.hasDirectory && (
      <p>
        <a href="/directory">Directory of applications</a>
      </p>
    )}
    <section class="developers">
      <h2>For developers</h2>
      <p>This is an OAuth 2.0 authorization server (RFC 6749).</p>
      <dl>
        <Row term="Authorization endpoint">
          <code>{`${p.issuer}/authorize`}</code>
        </Row>
        <Row term="Token endpoint">
          <code>{`${p.issuer}/token`}</code>
        </Row>
        <Row term="Metadata (RFC 8414)">
          <a href="/.well-known/oauth-authorization-server">
            <code>{`${p.issuer}/.well-known/oauth-authorization-server`}</code>
          </a>
        </Row>
        <Row term="Errors">
          <a href="/errors">What each error code means</a>
        </Row>
      </dl>
    </section>
  </Layout>
)
