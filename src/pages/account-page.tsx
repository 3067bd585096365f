/** The applications that a user has connected, each with a button that removes it. */

import type { Branding } from '../domain/branding.ts'
import type { SelfRegistered } from '../domain/client.ts'
import type { DescribedScope } from '../domain/scope-catalogue.ts'
import { isSelfNamed, logoPath, nameForPeople, verifiedHostOf } from '../domain/shown-client.ts'
import { OwnName } from './consent-client.tsx'
import { Layout } from './layout.tsx'
import {
  Day,
  Name,
  Navigation,
  PermissionItems,
  PostForm,
  ProblemNotice,
  SignedInAs,
  SignOutForm,
  WebAddress,
} from './parts.tsx'

export type AccountPageProps = Readonly<{
  branding: Branding
  username: string
  applications: readonly Readonly<{
    clientId: string
    name: string
    url: string
    /** Null for a client that an operator registered. */
    selfRegistered: Pick<SelfRegistered, 'kind'> | null
    /** The digest of the client's logo; null if there is none. */
    logo: string | null
    isEnabled: boolean
    scopes: readonly DescribedScope[]
    /** One sentence for each endorsement. */
    endorsements: readonly string[]
    /** Epoch seconds. */
    grantedAt: number
    /** Epoch seconds; null if not used yet. */
    usedAt: number | null
    formToken: string
  }>[]
  /** The application that was just removed, and within how many seconds the revocation takes effect; or null. */
  removed: Readonly<{ name: string; withinSeconds: number }> | null
  /** Why nothing was removed, or null. */
  problem: string | null
  signOutToken: string
  hasPortal: boolean
  mayApprove: boolean
}>

type Application = AccountPageProps['applications'][number]

const Removed = (p: NonNullable<AccountPageProps['removed']>) => (
  <div class="notice" role="status">
    <p>
      <Name>{p.name}</Name> is no longer connected. Its access ends within {p.withinSeconds}{' '}
      seconds.
    </p>
  </div>
)

const Held = (p: { application: Application }) => {
  const { scopes, endorsements, isEnabled } = p.application
  if (!isEnabled) return <p>The operator has disabled it, so it has no access now.</p>
  if (scopes.length === 0) return <p>It no longer has any access.</p>
  return (
    <>
      <p class="small muted">It may:</p>
      <ul class="held">
        <PermissionItems scopes={scopes} endorsements={endorsements} />
      </ul>
    </>
  )
}

const LastUse = ({ application: { isEnabled, usedAt } }: { application: Application }) => {
  if (!isEnabled) return <>disabled</>
  if (usedAt === null) return <>not used yet</>
  return (
    <>
      last used <Day at={usedAt} />
    </>
  )
}

/** The form is folded, so that one press of a button removes nothing. */
const Removal = ({ application }: { application: Application }) => (
  <details class="removal">
    <summary>
      Remove <bdi>{nameForPeople(application)}</bdi>
    </summary>
    <PostForm
      action="/account"
      hidden={[
        ['client_id', application.clientId],
        ['form_token', application.formToken],
      ]}
    >
      <p>Its access ends, and it must ask you again.</p>
      <div class="actions">
        <button type="submit">
          Yes, remove <bdi>{nameForPeople(application)}</bdi>
        </button>
      </div>
    </PostForm>
  </details>
)

/** What the title does not say about a client that registered itself. */
const OwnAccount = ({ application }: { application: Application }) => {
  if (application.selfRegistered === null) return null
  return (
    <p class="small">
      {verifiedHostOf(application) !== null && (
        <>
          It calls itself <OwnName name={application.name} />.{' '}
        </>
      )}
      {isSelfNamed(application) && 'It chose this name. '}It registered itself: the operator has not
      checked it.
    </p>
  )
}

const ApplicationEntry = (p: { application: Application; id: string }) => {
  const { application, id } = p
  const logo = logoPath(application.logo)
  return (
    <section class="application" aria-labelledby={id}>
      <details>
        <summary>
          {logo !== null && <img class="client-logo" src={logo} alt="" width="32" height="32" />}
          <h2 id={id} dir="auto">
            <bdi>{nameForPeople(application)}</bdi>
          </h2>{' '}
          <span class="small muted">
            <LastUse application={application} />
          </span>
        </summary>
        <OwnAccount application={application} />
        {application.url !== '' && (
          <p class="small">
            <WebAddress address={application.url} />
          </p>
        )}
        <Held application={application} />
        <p class="small muted">
          Connected since <Day at={application.grantedAt} />.
        </p>
        <Removal application={application} />
      </details>
    </section>
  )
}

export const AccountPage = (p: AccountPageProps) => (
  <Layout branding={p.branding} title="Connected applications">
    {p.hasPortal && <Navigation current="/account" mayApprove={p.mayApprove} />}
    <h1>Connected applications</h1>
    {p.removed !== null && <Removed {...p.removed} />}
    <ProblemNotice text={p.problem} />
    {p.applications.length === 0 ? (
      <p class="lead">No application has access to your account.</p>
    ) : (
      <p class="lead">
        These applications have access to your account. An application that you remove must ask you
        again.
      </p>
    )}
    {p.applications.map((application, index) => (
      <ApplicationEntry application={application} id={`application-${index + 1}`} />
    ))}
    <SignedInAs username={p.username}>
      <SignOutForm formToken={p.signOutToken} nextPage={null} />
    </SignedInAs>
    <p class="small">
      <a href="/">To the start page</a>
    </p>
  </Layout>
)
