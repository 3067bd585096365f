/** The doctor's check of the webhook. */

import { expect, it } from 'vitest'
import type { Check, Examined } from '../../src/cli/doctor/check.ts'
import { DEPLOYMENT_CHECKS } from '../../src/cli/doctor/deployment-checks.ts'

const WEBHOOK = DEPLOYMENT_CHECKS.find(({ name }) => name === 'webhook') as Check

const ago = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString()

/** `dropped`: when an event was last dropped. */
const found = (webhook: object | null, dropped: string | null = null) => {
  const task = { task: 'webhook_delivery', ran_at: dropped, removed: 2 }
  const cron = [
    { task: 'run', ran_at: ago(30), removed: 0 },
    { task: 'webhook_delivery', ran_at: ago(30), removed: 0 },
    ...(dropped === null ? [] : [task]),
  ]
  return WEBHOOK.run({ api: { status: async () => ({ webhook, cron }) } } as unknown as Examined)
}

const none = { waiting: 0, oldest_at: null, failure: null }

it('the webhook check is ok without WEBHOOK_URL', async () => {
  expect(await found(null)).toEqual({
    state: 'ok',
    seen: 'WEBHOOK_URL is not set: there is no webhook',
  })
})

it('the webhook check is ok while no event waits, and says when an event was dropped', async () => {
  expect(await found(none)).toEqual({ state: 'ok', seen: 'no event waits' })
  const at = ago(3600)
  expect(await found(none, at)).toEqual({
    state: 'ok',
    seen: `no event waits; undelivered events were last dropped at ${at}`,
  })
})

it('the webhook check is ok while an event waits for less than 15 minutes, and then fails with the cause', async () => {
  const failure = 'answered with the status 500'
  const young = ago(890)
  expect(await found({ waiting: 1, oldest_at: young, failure: null })).toEqual({
    state: 'ok',
    seen: `1 event waits, the oldest since ${young}`,
  })
  const old = ago(910)
  expect(await found({ waiting: 2, oldest_at: old, failure })).toEqual({
    state: 'FAIL',
    seen: `2 events wait, the oldest since ${old}: WEBHOOK_URL ${failure}`,
  })
})
