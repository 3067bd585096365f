/** Does the receiver of the webhook accept what it is told? */

import { type Check, fail, ok } from './check.ts'
import { overApi } from './examined.ts'

/** A receiver that was away for a moment has it by then: cron tries again after 1 and 5 minutes more. */
const LATE_SECONDS = 900

const counted = (n: number) => (n === 1 ? '1 event waits' : `${n} events wait`)

const webhook = overApi(async (api) => {
  const { webhook: state, cron } = await api.status()
  if (state === null) return ok('WEBHOOK_URL is not set: nothing is told')
  const dropped = cron.find(({ task, removed }) => task === 'webhook_delivery' && removed > 0)
  const past = dropped ? `; what could not be told was last dropped at ${dropped.ran_at}` : ''
  const { waiting, oldest_at, failure } = state
  if (oldest_at === null) return ok(`nothing waits to be told${past}`)
  const seen = `${counted(waiting)} to be told, the oldest since ${oldest_at}${failure === null ? '' : `: WEBHOOK_URL ${failure}`}`
  const isLate = Date.now() - Date.parse(oldest_at) > LATE_SECONDS * 1000
  return isLate ? fail(seen + past) : ok(seen + past)
})

export const WEBHOOK: Check = {
  name: 'webhook',
  seconds: 15,
  run: webhook,
  toDo: 'Let WEBHOOK_URL accept what it is sent with a status from 200 to 299 (docs/approvals.md, Webhook): events are dropped after 36 hours.',
}
