/** The settings of the webhook. The management Worker, which sends it, checks them; so do its deployment and its start. */

import { readWebhookSecrets } from './crypto/webhook-signature.ts'
import { allowsLoopbackFor, outboundUrlProblem } from './protocol/outbound-url.ts'

type Given = Readonly<Record<string, unknown>>

const textOf = (given: unknown) => (typeof given === 'string' ? given : '')

function secretProblem(text: string, isNeeded: boolean): string | null {
  // A receiver could not tell who sent an unsigned event.
  if (text === '') return isNeeded ? 'must be set while WEBHOOK_URL is' : null
  try {
    readWebhookSecrets(text)
    return null
  } catch (problem) {
    return (problem as Error).message
  }
}

/** ISSUER must have been checked before. Each problem is one line: a name, then the problem, never the value. */
export function webhookProblems({ ISSUER, WEBHOOK_URL, WEBHOOK_SECRET }: Given): string[] {
  const url = textOf(WEBHOOK_URL)
  const allowsLoopback = allowsLoopbackFor(textOf(ISSUER))
  const problems = {
    WEBHOOK_URL: url === '' ? null : outboundUrlProblem(url, allowsLoopback),
    WEBHOOK_SECRET: secretProblem(textOf(WEBHOOK_SECRET), url !== ''),
  }
  return Object.entries(problems).flatMap(([name, problem]) =>
    problem === null ? [] : [`${name}: ${problem}`],
  )
}
