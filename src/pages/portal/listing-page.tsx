/** Whether a client is in the public directory, and what becomes public. */

import type { ClientRecord } from '../../domain/client.ts'
import { listingStateOf } from '../../domain/directory.ts'
import type { DescribedScope } from '../../domain/scope-catalogue.ts'
import {
  Day,
  type FormHead,
  Name,
  PermissionItems,
  PostForm,
  Row,
  Submit,
  WebAddress,
} from '../parts.tsx'
import { ClientFrame, type FrameProps } from './frame.tsx'

type ListingPageProps = Readonly<{
  frame: FrameProps
  client: Readonly<{ clientId: string }> &
    Pick<ClientRecord, 'name' | 'description' | 'disabledAt' | 'listing'>
  /** The address of the client's web page, if a page may link to it; otherwise ''. */
  page: string
  /** The path of the client's logo here; null if there is none. */
  logoPath: string | null
  /** The username of the first owner; null if the name is not known. */
  ownerName: string | null
  scopes: readonly DescribedScope[]
  forms: Readonly<{ ask: FormHead; takeBack: FormHead }>
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

const Published = (p: ListingPageProps) => (
  <section>
    <h2>What the directory makes public</h2>
    <p>
      Everybody can read the directory, also without an account. After you leave it, copies may
      remain elsewhere.
    </p>
    <dl>
      <Row term="Name">
        <bdi>{p.client.name}</bdi>
      </Row>
      <Row term="Web page">{p.page === '' ? 'none' : <WebAddress address={p.page} />}</Row>
      <dt>Description</dt>
      <dd dir="auto">{p.client.description || 'none'}</dd>
      <Row term="Logo">
        {p.logoPath === null ? (
          'none'
        ) : (
          <img class="logo" src={p.logoPath} alt="as shown" width="48" height="48" />
        )}
      </Row>
      <Row term="Username of the first owner">
        {p.ownerName === null ? 'not shown' : <Name>{p.ownerName}</Name>}
      </Row>
      <Row term="What it may ask for">
        {p.scopes.length === 0 ? (
          'nothing'
        ) : (
          <ul class="held">
            <PermissionItems scopes={p.scopes} endorsements={[]} />
          </ul>
        )}
      </Row>
    </dl>
    <p>
      An approver decides on what this page shows. When the name, the web page, the description, the
      logo, the first owner or that username changes, the client leaves the directory until an
      approver has decided again.
    </p>
  </section>
)

export const ListingPage = (p: ListingPageProps) => {
  const { clientId, listing, name } = p.client
  const state = listing && listingStateOf(listing)
  return (
    <ClientFrame frame={p.frame} clientId={clientId} name={name} title="Directory">
      <State {...p} />
      <Published {...p} />
      {(state === null || state === 'declined') && (
        <PostForm {...p.forms.ask}>
          <Submit>{state === null ? 'Ask to be listed' : 'Ask again'}</Submit>
        </PostForm>
      )}
      {state !== null && (
        <PostForm {...p.forms.takeBack}>
          <Submit isMinor>
            {state === 'listed' ? 'Leave the directory' : 'Take the request back'}
          </Submit>
        </PostForm>
      )}
    </ClientFrame>
  )
}
