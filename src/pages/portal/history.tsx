/** What was done to a client, the newest first. */

import { Moment, Name } from '../parts.tsx'
import { ClientFrame, type ClientFrameProps, clientPath } from './frame.tsx'

/** `happenedAt` in epoch seconds. */
export type ShownEntry = Readonly<{
  happenedAt: number
  /** A sentence about who acted, without a name; null where `name` says it. */
  who: string
  /** Of the person or the program; null where there is none. */
  name: string | null
  /** `approved`, `changed its name`. */
  did: string
  /** What was asked for or decided on. */
  values: readonly string[]
  reason: string
}>

const Entry = ({ entry }: { entry: ShownEntry }) => (
  <li>
    {entry.who}
    {entry.name !== null && <Name>{entry.name}</Name>} {entry.did}
    {entry.values.map((value) => (
      <code>
        <bdi>{value}</bdi>
      </code>
    ))}
    <p class="small muted">
      <Moment at={entry.happenedAt} />
    </p>
    {entry.reason !== '' && (
      <blockquote dir="auto">
        <p>{entry.reason}</p>
      </blockquote>
    )}
  </li>
)

export const History = ({ entries }: { entries: readonly ShownEntry[] }) => (
  <ul class="listed history">
    {entries.map((entry) => (
      <Entry entry={entry} />
    ))}
  </ul>
)

type HistoryProps = ClientFrameProps &
  Readonly<{
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

/** For its owners, a page at a time. */
export const HistoryPage = (p: HistoryProps) => (
  <ClientFrame {...p} title="History">
    {p.entries.length === 0 ? (
      <p class="muted">Nothing is kept here.</p>
    ) : (
      <History entries={p.entries} />
    )}
    <Pages {...p} />
  </ClientFrame>
)
