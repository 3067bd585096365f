/** Housekeeping in D1: removes expired rows in rounds, so that no sweep prevents another from running. */

import { bound, type Database, rowsIn } from './database.ts'

/** `?1` is the moment, in epoch seconds, up to which rows are due. */
export type Sweep = Readonly<{
  task: string
  /** A row is due this long after its moment. */
  keepSeconds: number
  /** For a table without an index by time: moves the position `?3` forward by `?2` rows. */
  advance?: string
  /** Statements that run before the removal, on the same rows. */
  before?: readonly string[]
  /** Removes at most `?2` rows. */
  remove: string
  /** Selects the rows that are due. */
  left: string
  /** Selects a row if the sweep has work to do. The default is `left`. */
  due?: string
}>

/** What one task did in one run, in rows. */
export type Swept = Readonly<{ removed: number; leftOver: number }>
export type Failed = (task: string, fault: unknown) => void

export const COUNT_RUN = `INSERT INTO housekeeping (task, position, ran_at, removed, left_over)
  VALUES ('run', '1', ?1, 0, 0)
  ON CONFLICT DO UPDATE SET position = CAST(position AS INTEGER) + 1, ran_at = excluded.ran_at`
const FIND_POSITIONS = `SELECT task, position FROM housekeeping WHERE position IS NOT NULL`

/** Rows that are left are counted up to this number. */
const COUNTED_ROWS = 100_000

/** Follows the removal in its batch. `?2` is the task, `?3` the moment at which this run began. */
export const recordOf = ({
  left,
}: Pick<Sweep, 'left'>) => `INSERT INTO housekeeping (task, ran_at, removed, left_over)
  VALUES (?2, ?3, changes(), (SELECT count(*) FROM (${left} LIMIT ${COUNTED_ROWS})))
  ON CONFLICT DO UPDATE SET ran_at = excluded.ran_at, left_over = excluded.left_over,
    removed = excluded.removed + iif(ran_at = excluded.ran_at, removed, 0)
  RETURNING position, left_over`

const BEGINNING = '["","",""]'

/** One step of a sweep, in one batch, so that the step is recorded only if it happened. */
function stepStatements(
  db: Database,
  sweep: Sweep,
  { position, rows, now }: Readonly<{ position: string | null; rows: number; now: number }>,
) {
  const from = position ?? BEGINNING
  const due = now - sweep.keepSeconds
  const record = bound(db, recordOf(sweep), due, sweep.task, now)
  const before = (sweep.before ?? []).map((sql) => bound(db, sql, due, rows))
  const remove = db.prepare(sweep.remove)
  return sweep.advance === undefined
    ? [...before, remove.bind(due, rows), record]
    : [bound(db, sweep.advance, now, rows, from), remove.bind(due, rows, from), record]
}

/** With rows of 1 KiB a step takes a fraction of a second; a call may take 30 seconds. */
const STEP_ROWS = 2000
/** The limit gives 30,000 rows for each table and run, with fewer statements than a Worker may send. */
const MAX_ROUNDS = 15
/** No round begins after this time, because cron runs every minute. */
const MAX_RUN_MS = 20_000

export type HousekeepingStore = ReturnType<typeof housekeepingStore>

export const housekeepingStore = (db: Database, stepRows = STEP_ROWS) => ({
  /** Counts the run first, so that a failed run counts. Returns the position of each sweep, and the number of this `run`. */
  async begin(now: number): Promise<ReadonlyMap<string, string>> {
    const [, found] = await db.batch([bound(db, COUNT_RUN, now), db.prepare(FIND_POSITIONS)])
    const rows = rowsIn<{ task: string; position: string }>(found)
    return new Map(rows.map(({ task, position }) => [task, position]))
  },
  /** `position` is null if the sweep is at its end, or keeps no position. */
  async step(sweep: Sweep, position: string | null, now: number) {
    const outcomes = await db.batch(stepStatements(db, sweep, { position, rows: stepRows, now }))
    const [removal, recorded] = outcomes.slice(-2)
    const [row] = rowsIn<{ position: string | null; left_over: number }>(recorded)
    return {
      removed: removal?.meta.changes ?? 0,
      leftOver: row?.left_over ?? 0,
      position: row?.position ?? null,
    }
  },
})

type Work = Pick<Sweep, 'task' | 'keepSeconds' | 'left' | 'due'>

/** The work of cron besides the sweeps. */
export const OTHER_WORK = [
  {
    task: 'username_keys',
    keepSeconds: 0,
    left: 'SELECT 1 FROM user WHERE username_key IS NULL',
  },
  { task: 'deletion', keepSeconds: 0, left: `SELECT 1 FROM deletion WHERE kind > ''` },
  {
    task: 'webhook',
    keepSeconds: 0,
    left: 'SELECT 1 FROM webhook_delivery WHERE attempt_at <= ?1',
  },
] as const satisfies readonly Work[]
export type OtherWork = (typeof OTHER_WORK)[number]['task']

export const askDue = (all: readonly Work[], now: number) =>
  `SELECT ${all.map(
    ({ task, keepSeconds, left, due = left }) =>
      `EXISTS (${due.replaceAll('?1', `${now - keepSeconds}`)}) AS ${task}`,
  )}`

/** 1 for each task that has work to do, which on most runs are few; 0 for the others. */
export const dueTasks = (
  db: Database,
  sweeps: readonly Sweep[],
  now: number,
): Promise<Readonly<Record<string, number>> | null> =>
  db.prepare(askDue([...sweeps, ...OTHER_WORK], now)).first()

/**
 * One run, in rounds: each sweep takes one step, and a sweep with more to do takes its next step in the next round. Each run
 * begins with a different sweep, so that every sweep gets its turn even if a run ends early.
 */
export async function sweepInTurns(
  store: HousekeepingStore,
  sweeps: readonly Sweep[],
  now: number,
  failed: Failed,
): Promise<ReadonlyMap<string, Swept>> {
  const begunMs = Date.now()
  const swept = new Map<string, Swept>()
  const positions = await store.begin(now)
  const first = Number(positions.get('run')) % sweeps.length
  let going = [...sweeps.slice(first), ...sweeps.slice(0, first)].map((sweep) => ({
    sweep,
    position: positions.get(sweep.task) ?? null,
  }))
  for (let round = 1; round <= MAX_ROUNDS && going.length > 0; round += 1) {
    const goingOn: typeof going = []
    let removedInRound = 0
    for (const { sweep, position } of going) {
      if (round > 1 && Date.now() - begunMs >= MAX_RUN_MS) return swept
      try {
        const step = await store.step(sweep, position, now)
        const removed = (swept.get(sweep.task)?.removed ?? 0) + step.removed
        swept.set(sweep.task, { removed, leftOver: step.leftOver })
        removedInRound += step.removed
        const isFruitful = step.removed > 0 && step.position !== null
        if (step.leftOver > 0 || isFruitful) goingOn.push({ sweep, position: step.position })
      } catch (fault) {
        failed(sweep.task, fault)
      }
    }
    if (removedInRound === 0) return swept
    going = goingOn
  }
  return swept
}
