/** Whether a client is in the public directory, and what becomes public. */

import { type Listing, listingStateOf } from '../../domain/directory.ts'
import type { DescribedScope } from '../../domain/scope-catalogue.ts'
import { Day, HiddenFields, Name, PermissionItems, WebAddress } from '../parts.tsx'
import { clientPath, type FrameProps, type Hidden, PortalFrame } from './frame.tsx'

export type ListingPageProps = Readonly<{
  frame: FrameProps
  client: Readonly<{
    clientId: string
    name: string
    description: string
    disabledAt: number | null
    listing: Listing | null
  }>
  /** The address of its web page, if it can be linked to; otherwise ''. */
  page: string
  /** Where we serve its logo; null without one. */
  logoPath: string | null
  /** The username of the first owner; null if it is not known. */
  ownerName: string | null
  scopes: readonly DescribedScope[]
  hidden: Readonly<{ ask: Hidden; takeBack: Hidden }>
}>

const Reason = ({ reason }: { reason: string }) =>
  reason === '' ? null : (
    <figure>
      <figcaption class="small muted">Reason:</figcaption>
      <blockquote>
        <p dir="auto">{reason}</p>
      </blockquote>
    </figure>
  )

const State = ({ client: { listing, disabledAt } }: ListingPageProps) => {
  if (listing === null) {
    return <p class="lead">The client is not in the directory.</p>
  }
  const { requestedAt, listedAt, declinedAt, reason } = listing
  if (declinedAt !== null) {
    return (
      <div class="caution">
        <p>
          An approver declined on <Day at={declinedAt} />. The client is not in the directory.
        </p>
        <Reason reason={reason} />
      </div>
    )
  }
  if (listedAt === null) {
    return (
      <p class="lead">
        It has waited for an approver since <Day at={requestedAt} />. It is not in the directory
        before that decision.
      </p>
    )
  }
  return (
    <p class="lead">
      It has been in <a href="/directory">the directory</a> since <Day at={listedAt} />
      {disabledAt !== null && ', but not shown while it is disabled'}.
    </p>
  )
}

/** The words before what becomes public. */
const Published = (p: ListingPageProps) => (
  <section>
    <h2>What the directory makes public</h2>
    <p>
      Everybody can read the directory, also without an account. After you leave it, copies may
      remain elsewhere.
    </p>
    <dl>
      <dt>Name</dt>
      <dd>
        <bdi>{p.client.name}</bdi>
      </dd>
      <dt>Web page</dt>
      <dd>{p.page === '' ? 'none' : <WebAddress address={p.page} />}</dd>
      <dt>Description</dt>
      <dd dir="auto">{p.client.description || 'none'}</dd>
      <dt>Logo</dt>
      <dd>
        {p.logoPath === null ? (
          'none'
        ) : (
          <img class="logo" src={p.logoPath} alt="as shown" width="48" height="48" />
        )}
      </dd>
      <dt>Username of the first owner</dt>
      <dd>{p.ownerName === null ? 'not shown' : <Name>{p.ownerName}</Name>}</dd>
      <dt>What it may ask for</dt>
      <dd>
        {p.scopes.length === 0 ? (
          'nothing'
        ) : (
          <ul class="held">
            <PermissionItems scopes={p.scopes} endorsements={[]} />
          </ul>
        )}
      </dd>
    </dl>
    <p>
      An approver decides on what stands here. When the name, the web page, the description, the
      logo, the first owner or that username changes, the client leaves the directory until an
      approver has decided again.
    </p>
  </section>
)

const Form = (p: { action: string; act: string; hidden: Hidden; text: string }) => (
  <form method="post" action={p.action}>
    <HiddenFields fields={[...p.hidden, ['act', p.act]]} />
    <div class="actions">
      <button class={p.act === 'ask' ? 'primary' : undefined} type="submit">
        {p.text}
      </button>
    </div>
  </form>
)

export const ListingPage = (p: ListingPageProps) => {
  const { clientId, listing, name } = p.client
  const state = listing && listingStateOf(listing)
  const action = clientPath(clientId, 'listing')
  return (
    <PortalFrame {...p.frame} title="Directory" about={name}>
      <State {...p} />
      <Published {...p} />
      {(state === null || state === 'declined') && (
        <Form
          action={action}
          act="ask"
          hidden={p.hidden.ask}
          text={state === null ? 'Ask to be listed' : 'Ask again'}
        />
      )}
      {state !== null && (
        <Form
          action={action}
          act="take_back"
          hidden={p.hidden.takeBack}
          text={state === 'listed' ? 'Leave the directory' : 'Take the request back'}
        />
      )}
      <p>
        <a href={clientPath(clientId)}>Back to the client</a>
      </p>
    </PortalFrame>
  )
}
