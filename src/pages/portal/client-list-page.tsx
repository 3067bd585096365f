/** The clients that a user owns, page by page. */

import type { ListedClient } from '../../domain/shown-client.ts'
import { Day, type FormHead, Name, PostForm } from '../parts.tsx'
import { clientPath, type FrameProps, PortalFrame } from './frame.tsx'

type ClientListProps = Readonly<{
  frame: FrameProps
  clients: readonly ListedClient[]
  offers: readonly Readonly<{
    clientId: string
    name: string
    isEnabled: boolean
    /** Epoch seconds. */
    offeredAt: number
    /** The owner who offers the client: the username, or the id if the name is not known. */
    offeredBy: string
    form: FormHead
  }>[]
  /** The number of clients on all pages. */
  owned: number
  page: number
  pages: number
  /** How many more clients the user may register; null if users may not register clients. */
  left: number | null
}>

const Listed = ({ client }: { client: ListedClient }) => {
  const { clientId, name, isEnabled, createdAt, waiting } = client
  return (
    <li>
      <a href={clientPath(clientId)} dir="auto">
        <bdi>{name}</bdi>
      </a>
      <p class="small muted">
        {isEnabled ? '' : 'disabled, '}
        registered <Day at={createdAt} />
        {waiting === 0
          ? ''
          : `, ${waiting} ${waiting === 1 ? 'request waits' : 'requests wait'} for approval`}
      </p>
    </li>
  )
}

const Offers = ({ offers }: Pick<ClientListProps, 'offers'>) =>
  offers.length === 0 ? null : (
    <section>
      <h2>Offered to you</h2>
      <p>
        Accept only a client that you know: its owners are responsible for it, and can change and
        delete it. When you become the first owner, its users see your name. Before you accept, you
        have no right to it.
      </p>
      <ul class="listed">
        {offers.map(({ clientId, name, isEnabled, offeredAt, offeredBy, form }) => (
          <li>
            <Name>{name}</Name>
            <p class="small muted">
              {isEnabled ? '' : 'disabled, '}
              client id <code>{clientId}</code>, offered by <bdi>{offeredBy}</bdi> on{' '}
              <Day at={offeredAt} />
            </p>
            <PostForm {...form}>
              <div class="actions">
                <button type="submit" name="act" value="decline" aria-label={`Decline ${name}`}>
                  Decline
                </button>
                <button
                  class="primary"
                  type="submit"
                  name="act"
                  value="accept"
                  aria-label={`Accept ${name}`}
                >
                  Accept
                </button>
              </div>
            </PostForm>
          </li>
        ))}
      </ul>
    </section>
  )

const Register = ({ left }: Pick<ClientListProps, 'left'>) => {
  if (left === null) return <p class="small muted">The operator registers new clients.</p>
  if (left <= 0) {
    return (
      <p class="small muted">
        You have as many clients as a user may have. Delete one before you register another.
      </p>
    )
  }
  return (
    <p class="actions">
      <a class="button primary" href="/new-client">
        Register a client
      </a>
    </p>
  )
}

const Pages = ({ page, pages }: Pick<ClientListProps, 'page' | 'pages'>) =>
  pages <= 1 ? null : (
    <nav class="pages" aria-label="Pages of the list">
      {page > 1 && <a href={`/clients?page=${page - 1}`}>Previous</a>}
      <span>
        Page {page} of {pages}
      </span>
      {page < pages && <a href={`/clients?page=${page + 1}`}>Next</a>}
    </nav>
  )

export const ClientListPage = (p: ClientListProps) => (
  <PortalFrame {...p.frame} title="Your clients">
    <p class="lead">
      {p.owned === 0
        ? 'A client is an application that asks users for access to their accounts, or a program that acts for itself. You have none yet.'
        : `${p.owned} ${p.owned === 1 ? 'client' : 'clients'} that you own.`}
    </p>
    <Offers offers={p.offers} />
    {p.clients.length > 0 && (
      <ul class="listed">
        {p.clients.map((client) => (
          <Listed client={client} />
        ))}
      </ul>
    )}
    <Pages {...p} />
    <Register {...p} />
  </PortalFrame>
)
