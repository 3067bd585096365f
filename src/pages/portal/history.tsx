/** What was done to a client. The newest act comes first. */

import { Moment, Name, PageLinks, Quotation } from '../parts.tsx'
import { ClientFrame, type ClientFrameProps, clientPath } from './frame.tsx'

/** `happenedAt` in epoch seconds. */
export type ShownEntry = Readonly<{
  happenedAt: number
  /** A sentence about who acted, without a name; null if `name` says who acted. */
  who: string
  /** The name of the person or the program; null if there is none. */
  name: string | null
  /** What was done, for example `approved` or `changed its name`. */
  did: string
  /** What was requested or decided on. */
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
    <Quotation text={entry.reason} />
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

export const HistoryPage = (p: HistoryProps) => {
  const pageAt = (page: number) => `${clientPath(p.clientId, 'history')}?page=${page}`
  return (
    <ClientFrame {...p} title="History">
      {p.entries.length === 0 ? (
        <p class="muted">Nothing is kept here.</p>
      ) : (
        <History entries={p.entries} />
      )}
      <PageLinks
        label="Pages of the history"
        links={[
          ['Newer', p.page > 1 ? pageAt(p.page - 1) : null],
          ['Older', p.hasMore ? pageAt(p.page + 1) : null],
        ]}
      />
    </ClientFrame>
  )
}
