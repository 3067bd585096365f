/** Processes of one group: their run time by the kernel's account, stopping and continuing them. */

import { readdirSync, readFileSync } from 'node:fs'

/** A file below /proc; empty when its process has ended. */
export const readProc = (path: string) => {
  try {
    return readFileSync(`/proc/${path}`, 'utf8')
  } catch {
    return ''
  }
}

/** `VmRSS` is what a process has in memory now, `VmHWM` its peak. */
export const mibOf = (pid: number | undefined, what: 'VmRSS' | 'VmHWM') =>
  Number(new RegExp(`${what}:\\s*(\\d+)`).exec(readProc(`${pid}/status`))?.[1] ?? 0) / 1024

/** The ids of its processes. `/proc/PID/stat`: after the name in parentheses come state, parent, group. */
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

/** Seconds on a processor, of all threads, to the nanosecond: `/proc/PID/task/TID/schedstat`. */
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
/** A stopped process hears nothing until it goes on. */
export function endGroup(group: number): void {
  try {
    process.kill(-group, 'SIGCONT')
    process.kill(-group, 'SIGTERM')
  } catch {
    // It has ended already.
  }
}
