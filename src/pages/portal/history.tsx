/** What was done to a client, the newest first. */

import { Moment } from '../parts.tsx'

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
    {entry.name !== null && (
      <strong>
        <bdi>{entry.name}</bdi>
      </strong>
    )}{' '}
    {entry.did}
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
