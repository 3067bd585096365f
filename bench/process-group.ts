/** The processes of a group: reads their CPU time, pauses and continues them. */

import { readdirSync, readFileSync } from 'node:fs'

/** The text of a file in /proc; empty if its process has ended. */
export const readProc = (path: string) => {
  try {
    return readFileSync(`/proc/${path}`, 'utf8')
  } catch {
    return ''
  }
}

/** `VmRSS` is the current memory of a process, `VmHWM` its peak. */
export const mibOf = (pid: number | undefined, what: 'VmRSS' | 'VmHWM') =>
  Number(new RegExp(`${what}:\\s*(\\d+)`).exec(readProc(`${pid}/status`))?.[1] ?? 0) / 1024

/** The ids of the processes of a group. In `/proc/PID/stat`, the name in parentheses is followed by state, parent and group. */
export function membersOf(group: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      const stat = readProc(`${pid}/stat`)
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return Number(fields[2]) === group
    })
    .map(Number)
}

/** The CPU time of all threads in seconds, exact to the nanosecond: `/proc/PID/task/TID/schedstat`. */
export function cpuSecondsOf(pids: readonly number[]): number {
  let nanoseconds = 0
  for (const pid of pids) {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const [ran] = readProc(`${pid}/task/${thread}/schedstat`).split(' ')
      nanoseconds += Number(ran)
    }
  }
  return nanoseconds / 1e9
}

export const stopGroup = (group: number) => process.kill(-group, 'SIGSTOP')
export const continueGroup = (group: number) => process.kill(-group, 'SIGCONT')
/** Continues the processes first, because a paused process handles no signal. */
export function endGroup(group: number): void {
  try {
    process.kill(-group, 'SIGCONT')
    process.kill(-group, 'SIGTERM')
  } catch {
    // The group has already ended.
  }
}
