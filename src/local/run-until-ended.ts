/** Runs what a program started until a signal or npm ends the program, and in every case ends the Workers runtime with it. */

import { type ChildProcess, spawn } from 'node:child_process'
import { subscribe } from 'node:diagnostics_channel'
import { basename } from 'node:path'
import { oneLine } from './refusal.ts'

/** Waits until the pipe closes, however the program ends, and then kills the runtime, which would keep the ports. */
const WAIT_THEN_KILL = 'read -r _; kill -9 "$1"'
const PARENT_CHECK_MS = 200
const ENDING_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

function guard(runtime: ChildProcess) {
  // The watcher has a group of its own: a Ctrl-C in the terminal must not end the watcher before the program.
  const watcher = spawn('/bin/sh', ['-c', WAIT_THEN_KILL, 'sh', String(runtime.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  watcher.once('error', (fault) => console.error(fault.message))
  watcher.unref()
  // After the exit another process may get the same id.
  runtime.once('exit', () => watcher.kill('SIGKILL'))
}

/** Guards every runtime, also one that is started after a crash. Windows has no shell for the watcher. */
function guardRuntimes(): void {
  if (process.platform === 'win32') return
  subscribe('child_process', (message) => {
    const { process: child } = message as { process: ChildProcess }
    child.once('spawn', () => {
      if (basename(child.spawnfile).startsWith('workerd')) guard(child)
    })
  })
}

function exitWith(fault: unknown) {
  console.error(oneLine(fault))
  process.exit(1)
}

/**
 * `start` returns the function that ends everything. It calls `takeSignals` after it has made a Miniflare, because
 * Miniflare's own listeners would exit too early. A signal during the start takes effect after the start.
 */
export async function runUntilEnded(
  start: (takeSignals: () => void) => Promise<() => Promise<void>>,
) {
  let end: (() => Promise<void>) | undefined
  let isToEnd = false
  let isEnding = false
  const endOnce = () => {
    isToEnd = true
    if (!end || isEnding) return
    isEnding = true
    end().then(() => process.exit(0), exitWith)
  }
  const takeSignals = () => {
    for (const signal of ENDING_SIGNALS) process.removeAllListeners(signal).on(signal, endOnce)
  }
  try {
    takeSignals()
    guardRuntimes()
    end = await start(takeSignals)
    // npm ends its shell, and not every shell passes this on: under npm the program ends with its parent.
    const startedBy = process.ppid
    if (process.env.npm_lifecycle_event) {
      setInterval(() => process.ppid === startedBy || endOnce(), PARENT_CHECK_MS)
    }
    if (isToEnd) endOnce()
  } catch (fault) {
    exitWith(fault)
  }
}
