/** What was done to a client, for its owners, a page at a time. */

import { clientPath, type FrameProps, PortalFrame } from './frame.tsx'
import { History, type ShownEntry } from './history.tsx'

export type HistoryProps = Readonly<{
  frame: FrameProps
  clientId: string
  name: string
  entries: readonly ShownEntry[]
  page: number
  hasMore: boolean
}>

const Pages = ({ clientId, page, hasMore }: HistoryProps) => {
  const path = clientPath(clientId, 'history')
  return page === 1 && !hasMore ? null : (
    <nav class="pages" aria-label="Pages of the history">
      {page > 1 && <a href={`${path}?page=${page - 1}`}>Newer</a>}
      {hasMore && <a href={`${path}?page=${page + 1}`}>Older</a>}
    </nav>
  )
}

export const HistoryPage = (p: HistoryProps) => (
  <PortalFrame {...p.frame} title="History" about={p.name}>
    {p.entries.length === 0 ? (
      <p class="muted">Nothing is kept here.</p>
    ) : (
      <History entries={p.entries} />
    )}
    <Pages {...p} />
    <p>
      <a href={clientPath(p.clientId)}>Back to the client</a>
    </p>
  </PortalFrame>
)
