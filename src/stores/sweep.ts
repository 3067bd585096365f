/** One sweep of housekeeping. `?1` is the moment, in epoch seconds, up to which rows are due. */

/** The count of rows that are left stops here. */
const COUNTED_ROWS = 100_000

export type Sweep = Readonly<{
  task: string
  /** A row is due this long after its moment. */
  keepSeconds: number
  /** For a table without an index by time: moves the position `?3` on by `?2` rows. */
  advance: string | null
  /** Before the removal, about the same rows. */
  before?: readonly string[]
  /** At most `?2` rows. */
  remove: string
  /** Selects the rows that are due. */
  left: string
  /** Selects a row if the sweep has anything to do; without it that is `left`. */
  due?: string
}>

/** Follows the removal in its batch. `?2` is the task, `?3` when this run began. */
export const recordOf = ({
  left,
}: Pick<Sweep, 'left'>) => `INSERT INTO housekeeping (task, ran_at, removed, left_over)
  VALUES (?2, ?3, changes(), (SELECT count(*) FROM (${left} LIMIT ${COUNTED_ROWS})))
  ON CONFLICT DO UPDATE SET ran_at = excluded.ran_at, left_over = excluded.left_over,
    removed = excluded.removed + iif(ran_at = excluded.ran_at, removed, 0)
  RETURNING position, left_over`
