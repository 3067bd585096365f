/** The deployment as callers meet it, over HTTP: is it there, and who does it say it is? */

import { LOOPBACK_HOSTS } from '../../domain/loopback.ts'
import { oneLine, Refusal } from '../../operate/refusal.ts'
import { type Check, type Finding, fail, look, ok } from './finding.ts'
import type { Patient } from './patient.ts'

const ANSWER_WITHIN_MS = 10_000

const ISSUER: Check = {
  name: 'issuer',
  seconds: 15,
  toDo: 'Let ISSUER in both wrangler.toml be the URL that serves the registry, then npm run deploy.',
}
const HEALTH: Check = {
  name: 'health',
  seconds: 15,
  toDo: 'See the log of the registry (npx wrangler tail); locally, start it with npm start.',
}

/** Throws a Refusal of one line when nobody answers. No redirect is followed: what is sent is for this address. */
export async function ask(url: string, init: RequestInit = {}): Promise<Response> {
  if (!URL.canParse(url)) throw new Refusal(`${JSON.stringify(url)} is not a URL`)
  const signal = AbortSignal.timeout(ANSWER_WITHIN_MS)
  return fetch(url, { redirect: 'manual', signal, ...init }).catch((fault: unknown) => {
    const cause = fault instanceof Error ? (fault.cause ?? fault) : fault
    const why = cause instanceof Error && 'code' in cause ? String(cause.code) : oneLine(cause)
    throw new Refusal(`cannot reach ${new URL(url).origin}: ${why}`)
  })
}

/** Plain http is for this machine alone. */
export const isGuarded = (url: string) =>
  URL.canParse(url) &&
  (new URL(url).protocol === 'https:' ||
    (new URL(url).protocol === 'http:' && LOOPBACK_HOSTS.includes(new URL(url).hostname)))

export const examineIssuer = ({ issuer }: Patient): Promise<Finding> =>
  look(ISSUER, async () => {
    if (!isGuarded(issuer))
      return fail(`ISSUER is ${JSON.stringify(issuer)}, not https`, ISSUER.toDo)
    const response = await ask(`${issuer}/.well-known/oauth-authorization-server`)
    if (response.status !== 200) {
      return fail(`the metadata of ${issuer} answered ${response.status}`, ISSUER.toDo)
    }
    const metadata = (await response.json().catch(() => null)) as { issuer?: unknown } | null
    if (metadata?.issuer === issuer) return ok(`${issuer} serves and calls itself by that name`)
    return fail(`${issuer} calls itself ${JSON.stringify(metadata?.issuer ?? null)}`, ISSUER.toDo)
  })

export const examineHealth = ({ issuer }: Patient): Promise<Finding> =>
  look(HEALTH, async () => {
    const { status } = await ask(`${issuer}/healthz`)
    return status === 200
      ? ok(`${issuer}/healthz answers 200`)
      : fail(`${issuer}/healthz answered ${status}`, HEALTH.toDo)
  })
