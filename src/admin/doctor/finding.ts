/** What the doctor finds: one line for each guarantee, whether it holds and, if not, what to do. */

import { setTimeout as wait } from 'node:timers/promises'
import { oneLine } from '../../operate/refusal.ts'

export type Verdict =
  | Readonly<{ state: 'ok'; seen: string }>
  | Readonly<{ state: 'FAIL'; seen: string; toDo: string }>
  /** Neither: it could not be tried, for a reason that is no fault. */
  | Readonly<{ state: 'not checked'; seen: string }>
export type Finding = Readonly<{ check: string }> & Verdict

/** A guarantee to look at: how long that may take, and what to do when it cannot even be looked at. */
export type Check = Readonly<{ name: string; seconds: number; toDo: string }>

export const ok = (seen: string): Verdict => ({ state: 'ok', seen })
export const fail = (seen: string, toDo: string): Verdict => ({ state: 'FAIL', seen, toDo })
export const notChecked = (why: string): Verdict => ({ state: 'not checked', seen: why })

/** A fault is a finding, and so is silence: nothing here stops the checks after it. */
export async function look(check: Check, examine: () => Promise<Verdict>): Promise<Finding> {
  const isOver = new AbortController()
  const silence = wait(check.seconds * 1000, null, { signal: isOver.signal })
    .then(() => fail(`no answer within ${check.seconds} s`, check.toDo))
    .catch(() => notChecked('over'))
  const verdict = examine().catch((fault: unknown) => fail(oneLine(fault), check.toDo))
  try {
    return { check: check.name, ...(await Promise.race([verdict, silence])) }
  } finally {
    isOver.abort()
  }
}
