/** What a flow may know of the request it serves: the time, the address, a place for work that can wait. */

import type { Context } from 'hono'
import { log } from './log.ts'
import { noteOf } from './serving.ts'

/** Set by Cloudflare, and by nobody else there. Empty where there is no Cloudflare in front. */
export const addressOf = (c: Context) => c.req.header('CF-Connecting-IP') ?? ''

export function contextOf(c: Context) {
  const nowMs = Date.now()
  const note = noteOf(c)
  return {
    now: Math.floor(nowMs / 1000),
    nowMs,
    ipAddress: addressOf(c),
    defer: (work: Promise<unknown>) =>
      c.executionCtx.waitUntil(
        work.catch((fault: unknown) => log('deferred_work_failed', { fault }, note)),
      ),
    log: (event: string, line: Readonly<Record<string, unknown>>) => log(event, line, note),
  }
}
