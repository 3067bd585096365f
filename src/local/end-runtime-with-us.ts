/** No Workers runtime outlives the process that started it, though that be killed: it would hold the ports. */

import { type ChildProcess, spawn } from 'node:child_process'
import { subscribe } from 'node:diagnostics_channel'
import { basename } from 'node:path'

/** Waits for our end of the pipe to close, as it does however we end; then kills the process that it was told. */
const WAIT_THEN_KILL = 'read -r _; kill -9 "$1"'

function guard(runtime: ChildProcess) {
  // Of a group of its own: a Ctrl-C in the terminal must not end it before us.
  const watcher = spawn('/bin/sh', ['-c', WAIT_THEN_KILL, 'sh', String(runtime.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  watcher.once('error', (fault) => console.error(fault.message))
  watcher.unref()
  // Its id may be another's from now on.
  runtime.once('exit', () => watcher.kill('SIGKILL'))
}

/** Of every runtime started from now on, also of the one that follows a crash. Windows has no shell to wait. */
export function endRuntimeWithUs(): void {
  if (process.platform === 'win32') return
  subscribe('child_process', (message) => {
    const { process: child } = message as { process: ChildProcess }
    child.once('spawn', () => {
      if (basename(child.spawnfile).startsWith('workerd')) guard(child)
    })
  })
}

const PARENT_CHECK_MS = 200

/** npm tells its shell to end, and not every shell tells us: under npm we end with our parent. */
export function endWithNpm(end: () => void): void {
  const startedBy = process.ppid
  if (process.env.npm_lifecycle_event) {
    setInterval(() => process.ppid === startedBy || end(), PARENT_CHECK_MS)
  }
}
