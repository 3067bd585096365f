/** One client that asks for more: its identity, what is new beside what it has, its history, and the decision. */

import type { ClientRecord } from '../../domain/client.ts'
import { nameForPeople, verifiedHostOf } from '../../domain/shown-client.ts'
import { OwnName } from '../consent-client.tsx'
import { Day, type FormHead, HostName, Row } from '../parts.tsx'
import {
  Description,
  Offer,
  OwnerNames,
  RedirectUris,
  type ShownOffer,
  WebPage,
} from './client-facts.tsx'
import { METHODS } from './client-page.tsx'
import {
  type AskedFor,
  DECISION_LABELS,
  ListingDecision,
  RequestDecision,
  type ShownListing,
} from './decisions.tsx'
import type { FormProps } from './fields.tsx'
import { type FrameProps, PortalFrame } from './frame.tsx'
import { History, type ShownEntry } from './history.tsx'
import { PermissionList, type ShownPermission } from './permissions.tsx'

/** A field that has changed since the approval. `before` and `now`: values that only one of the two had. */
export type Change = Readonly<{ field: string; before: readonly string[]; now: readonly string[] }>

export type ApprovalProps = Readonly<{
  /** The client's listing in the directory; null if no owner asks for one, or if there is no directory. */
  listing: ShownListing | null
  client: Readonly<{ clientId: string; redirectUris: readonly string[] }> &
    Pick<
      ClientRecord,
      'name' | 'url' | 'description' | 'authMethod' | 'createdAt' | 'selfRegistered' | 'disabledAt'
    >
  owners: readonly string[]
  offers: readonly ShownOffer[]
  logoPath: string | null
  asked: readonly AskedFor[]
  held: readonly ShownPermission[]
  /** Null if no approval is known. */
  changes: readonly Change[] | null
  history: readonly ShownEntry[]
  /** What happened since the visitor opened the form that was refused. */
  since: readonly ShownEntry[]
  /** Why the visitor may not decide; null if there is a form. */
  whyNot: string | null
  /** Where the visitor must sign in again to decide; null if this is not needed. */
  signInAddress: string | null
  form: FormHead
}> &
  FormProps<'reason' | 'listing_reason'>

const Kind = ({ client }: Pick<ApprovalProps, 'client'>) => {
  if (client.selfRegistered === null) return <>registered in the portal or by an operator</>
  const host = verifiedHostOf(client)
  if (host === null) return <>registered itself by a request; it chose its name</>
  return (
    <>
      known by its metadata document at <HostName host={host} />; it calls itself{' '}
      <OwnName name={client.name} />
    </>
  )
}

const Facts = ({ client, owners, offers }: ApprovalProps) => (
  <dl>
    <Row term="Client id">
      <code>{client.clientId}</code>
    </Row>
    <Row term="Kind">
      <Kind client={client} />
    </Row>
    <dt>{owners.length > 1 ? 'Owners' : 'Owner'}</dt>
    <OwnerNames owners={owners} />
    {owners.length === 0 && <dd>none: it registered itself</dd>}
    {offers.length > 0 && (
      <>
        <dt>Offered to</dt>
        {offers.map((offer) => (
          <dd>
            <Offer offer={offer} />
          </dd>
        ))}
      </>
    )}
    <WebPage url={client.url} />
    <Description heading="What it says about itself" text={client.description} />
    <RedirectUris heading="Sends users back to" uris={client.redirectUris} />
    <Row term="Authenticates">{METHODS[client.authMethod]}</Row>
    <Row term="Registered">
      <Day at={client.createdAt} />
    </Row>
  </dl>
)

const Changes = ({ changes }: Pick<ApprovalProps, 'changes'>) => {
  if (changes === null || changes.length === 0) return null
  return (
    <section class="caution">
      <h2>Changed since it was last approved</h2>
      <dl>
        {changes.map(({ field, before, now }) => (
          <>
            <dt>{field}</dt>
            {before.map((value) => (
              <dd>
                before: <bdi>{value}</bdi>
              </dd>
            ))}
            {now.map((value) => (
              <dd>
                now: <bdi>{value}</bdi>
              </dd>
            ))}
            {before.length + now.length === 0 && <dd>other than before</dd>}
          </>
        ))}
      </dl>
    </section>
  )
}

const Requests = (p: ApprovalProps) => {
  if (p.asked.length === 0) return <p>It has no open requests.</p>
  if (p.whyNot === null) return <RequestDecision {...p} />
  return (
    <section>
      <h2>{DECISION_LABELS.decide}</h2>
      <p class="caution">{p.whyNot}</p>
      <PermissionList permissions={p.asked.map(({ permission }) => permission)} />
    </section>
  )
}

const WholeHistory = ({ history }: Pick<ApprovalProps, 'history'>) =>
  history.length === 0 ? null : (
    <section>
      <h2>Its history</h2>
      <History entries={history} />
    </section>
  )

export const ApprovalPage = (p: ApprovalProps) => (
  <PortalFrame
    {...p.frame}
    place="/approvals"
    title="What a client asks for"
    about={nameForPeople(p.client)}
  >
    {p.since.length > 0 && (
      <section aria-label="Since you opened the page">
        <History entries={p.since} />
      </section>
    )}
    {p.client.disabledAt !== null && (
      <p class="caution">It is disabled, so it gets no tokens, whatever you decide.</p>
    )}
    {p.logoPath !== null && <img class="logo" src={p.logoPath} alt="" width="48" height="48" />}
    <Facts {...p} />
    <Changes changes={p.changes} />
    {p.signInAddress !== null && (
      <p>
        <a href={p.signInAddress}>Sign in again</a>
      </p>
    )}
    <Requests {...p} />
    {p.listing !== null && <ListingDecision {...p} listing={p.listing} />}
    <section>
      <h2>What it has, and earlier decisions</h2>
      {p.held.length === 0 ? (
        <p class="muted">Nothing yet.</p>
      ) : (
        <PermissionList permissions={p.held} />
      )}
    </section>
    <WholeHistory history={p.history} />
    <p>
      <a href="/approvals">All that wait</a>
    </p>
  </PortalFrame>
)

export const NoClientPage = (p: { frame: FrameProps; history: readonly ShownEntry[] }) => (
  <PortalFrame {...p.frame} place="/approvals" title="There is no such client">
    <p>Nothing was decided. It may have been deleted since it asked.</p>
    <WholeHistory history={p.history} />
    <p>
      <a href="/approvals">All that wait</a>
    </p>
  </PortalFrame>
)
