/** The clients that wait for a decision, page by page, and what a visitor reads who may not decide. */

import { nameForPeople, verifiedHostOf } from '../../domain/shown-client.ts'
import { OwnName } from '../consent-client.tsx'
import { Day, Mark, PageLinks } from '../parts.tsx'
import { type FrameProps, PortalFrame } from './frame.tsx'

export const approvalPath = (clientId: string) => `/approvals/${encodeURIComponent(clientId)}`

type Waiting = Readonly<{
  clientId: string
  name: string
  selfRegistered: Readonly<{ kind: 'document' | 'registration' }> | null
  /** The owner's username, or id; '' if there is no owner. */
  owner: string
  isOwn: boolean
  isEnabled: boolean
  /** Epoch seconds. */
  requestedAt: number
  /** The sentences of the first requests, and the number of the other requests. */
  sentences: readonly string[]
  more: number
}>

type ApprovalsProps = Readonly<{
  frame: FrameProps
  waiting: readonly Waiting[]
  /** The clients that wait to be listed in the directory. */
  listings: readonly Pick<Waiting, 'clientId' | 'name' | 'owner' | 'isEnabled' | 'requestedAt'>[]
  /** The first page has both lists, and each list has further pages. */
  part: 'first' | 'waiting' | 'listings'
  /** The addresses of the next pages; null on the last page. */
  next: string | null
  nextListings: string | null
}>

/** The person or program that is responsible for the client. */
const Responsible = (p: Pick<Waiting, 'clientId' | 'name' | 'selfRegistered' | 'owner'>) => {
  if (p.selfRegistered === null) {
    return (
      <>
        owner <bdi>{p.owner}</bdi>
      </>
    )
  }
  return verifiedHostOf(p) === null ? (
    <>registered itself, without an owner</>
  ) : (
    <>
      known by its document alone; calls itself <OwnName name={p.name} />
    </>
  )
}

const Item = ({ waiting }: { waiting: Waiting }) => (
  <li>
    <a href={approvalPath(waiting.clientId)} dir="auto">
      <bdi>{nameForPeople(waiting)}</bdi>
    </a>
    {waiting.isOwn && <Mark>Yours</Mark>}
    {!waiting.isEnabled && <Mark kind="withdrawn">Disabled</Mark>}
    <p class="small muted">
      since <Day at={waiting.requestedAt} />, <Responsible {...waiting} />
    </p>
    <ul class="small">
      {waiting.sentences.map((sentence) => (
        <li>{sentence}</li>
      ))}
      {waiting.more > 0 && <li>and {waiting.more} more</li>}
    </ul>
  </li>
)

const linksOf = (isFirst: boolean, next: string | null) =>
  [
    ['From the beginning', isFirst ? null : '/approvals'],
    ['Next', next],
  ] as const

const Listings = ({ listings, part, nextListings }: ApprovalsProps) => (
  <section>
    <h2>Clients that wait to be listed in the directory</h2>
    {listings.length === 0 && <p>No more clients wait to be listed.</p>}
    <ul class="listed">
      {listings.map(({ clientId, name, owner, isEnabled, requestedAt }) => (
        <li>
          <a href={approvalPath(clientId)} dir="auto">
            <bdi>{name}</bdi>
          </a>
          {!isEnabled && <Mark kind="withdrawn">Disabled</Mark>}
          <p class="small muted">
            since <Day at={requestedAt} />, owner <bdi>{owner}</bdi>
          </p>
        </li>
      ))}
    </ul>
    <PageLinks label="Pages of the listings" links={linksOf(part !== 'listings', nextListings)} />
  </section>
)

const lead = ({ waiting, listings, part }: ApprovalsProps) => {
  if (waiting.length > 0)
    return 'Clients that ask for more than they have, the oldest request first.'
  if (part === 'waiting') return 'No more clients wait for a decision.'
  return listings.length > 0
    ? 'No client asks for more than it has.'
    : 'No client waits for a decision.'
}

export const ApprovalsPage = (p: ApprovalsProps) => (
  <PortalFrame {...p.frame} place="/approvals" title="Approvals">
    {p.part !== 'listings' && <p class="lead">{lead(p)}</p>}
    {p.waiting.length > 0 && (
      <ul class="listed">
        {p.waiting.map((waiting) => (
          <Item waiting={waiting} />
        ))}
      </ul>
    )}
    <PageLinks label="Pages of the list" links={linksOf(p.part !== 'waiting', p.next)} />
    {(p.part === 'listings' || p.listings.length > 0) && <Listings {...p} />}
  </PortalFrame>
)

export const NotApproverPage = (p: { frame: FrameProps }) => (
  <PortalFrame {...p.frame} place="/approvals" title="You are not an approver">
    <p>
      This page is for people who decide what clients may do. They have the scope{' '}
      <code>registry:approve</code>, which an administrator gives and takes.
    </p>
  </PortalFrame>
)
