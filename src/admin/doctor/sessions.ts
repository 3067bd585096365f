/** Sessions, tried at the authenticator: seen in time, and refused in time once they are revoked. */

import { setTimeout as wait } from 'node:timers/promises'
import { importSecret, isLongEnough, verifyJwt } from '../../crypto/jws.ts'
import { HEAL_SECONDS } from '../../domain/revocation.ts'
import { fail, notChecked, ok, type Verdict } from './finding.ts'
import type { Patient } from './patient.ts'
import { IS_IT_UP, said, type Trial } from './trial.ts'

const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 1000

export const SAME_STORAGE =
  'Does the authenticator run, and bind the SESSIONS of the registry? See both wrangler.toml and its log.'
const NOT_REVOKED =
  'A revocation cannot be relied on. Is this source what is deployed? npm run deploy, and see the log of the authenticator.'

const isSeen = (response: Response) =>
  response.status === 200 && response.headers.get('X-Auth-Status') === 'authenticated'

/** The authenticator's refusal of a caller that does not show its PROXY_SECRET, and of no other. */
const asksForProxySecret = (response: Response) =>
  response.status === 403 && response.headers.get('WWW-Authenticate') === null

const isSeenOrNever = (response: Response) => isSeen(response) || asksForProxySecret(response)

/** Of a session that was not seen in time. `otherwise`: what failed, unless it is the proxy's secret. */
function notSeen(response: Response, { proxySecret }: Patient, otherwise: string): Verdict {
  if (!asksForProxySecret(response)) return fail(otherwise, SAME_STORAGE)
  return proxySecret === null
    ? notChecked('give the doctor PROXY_SECRET in its environment')
    : fail(
        'the authenticator has another PROXY_SECRET than the doctor was given',
        'Give the doctor PROXY_SECRET in its environment as the authenticator has it.',
      )
}

/** Asks until the answer is as wished, or the time is up. */
async function poll(
  seconds: number,
  present: () => Promise<Response>,
  isWished: (response: Response) => boolean,
) {
  const begunAt = performance.now()
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    const response = await present()
    await response.arrayBuffer()
    const tookSeconds = (performance.now() - begunAt) / 1000
    if (isWished(response)) return { response, tookSeconds, isInTime: tookSeconds <= seconds }
    if (tookSeconds > seconds) return { response, tookSeconds, isInTime: false }
    await wait(Math.min(pause, seconds * 1000))
  }
}

/** Null if there is nothing to compare it with. */
async function isOurJwt(jwt: string, { issuer, jwtSecret }: Patient): Promise<boolean | null> {
  const secret = jwtSecret.kind === 'local' ? jwtSecret.secret : null
  if (secret === null || !isLongEnough(secret)) return null
  const expected = { issuer, now: Math.floor(Date.now() / 1000) }
  return (await verifyJwt(jwt, [await importSecret(secret)], expected)) !== null
}

/** `opened` hears the token of a session that the authenticator has seen. */
export async function examineSession(
  patient: Patient,
  authenticatorUrl: string,
  trial: Trial,
  bound: number,
  opened: (token: string) => void,
): Promise<Verdict> {
  const { token, ...refused } = await trial.ownToken()
  if (token === null) return fail(`/token answered ${said(refused)}`, IS_IT_UP)
  const seen = await poll(bound, () => trial.present(authenticatorUrl, token), isSeenOrNever)
  if (!isSeen(seen.response)) {
    const { status } = seen.response
    const otherwise = `the authenticator answers ${status} to a session opened ${bound} s ago`
    return notSeen(seen.response, patient, otherwise)
  }
  opened(token)
  const isOurs = await isOurJwt(seen.response.headers.get('Authorization') ?? '', patient)
  if (isOurs === false) {
    return fail(
      `the JWT is not of ${patient.issuer} under the JWT_SECRET examined above`,
      'Give the doctor JWT_SECRET as the authenticator has it; compare ISSUER in both wrangler.toml.',
    )
  }
  return ok(`${authenticatorUrl} sees a new session after ${seen.tookSeconds.toFixed(1)} s`)
}

export async function examineFresh(
  patient: Patient,
  authenticatorUrl: string,
  trial: Trial,
  seconds: number,
): Promise<Verdict> {
  const { isDeployed, authenticator } = patient
  const isBound = authenticator.d1_databases.some(({ binding }) => binding === 'DB')
  if (isDeployed && !isBound)
    return notChecked('the authenticator does not bind DB: fresh is refused')
  const { token, ...refused } = await trial.ownToken()
  if (token === null) return fail(`/token answered ${said(refused)}`, IS_IT_UP)
  const fresh = () => trial.present(authenticatorUrl, token, '?fresh')
  const before = await poll(seconds, fresh, isSeenOrNever)
  if (!isSeen(before.response)) {
    const otherwise = `/auth?fresh answers ${before.response.status} to a live session`
    return notSeen(before.response, patient, otherwise)
  }
  await trial.revokeInD1(token)
  const { status } = await fresh()
  return status === 401
    ? ok('/auth?fresh refuses a revoked session at once')
    : fail(`/auth?fresh answers ${status} to a revoked session`, NOT_REVOKED)
}

export async function examineRevocation(
  authenticatorUrl: string,
  trial: Trial,
  token: string,
  bound: number,
): Promise<Verdict> {
  const isShown = await trial.revoke(token)
  const seconds = bound + (isShown ? 0 : HEAL_SECONDS)
  const isRefused = ({ status }: Response) => status === 401
  const over = await poll(seconds, () => trial.present(authenticatorUrl, token), isRefused)
  const took = `${over.tookSeconds.toFixed(1)} s`
  return over.isInTime
    ? ok(`a revoked session is refused after ${took}; the bound is ${seconds} s`)
    : fail(`a revoked session is still good after ${took}; the bound is ${seconds} s`, NOT_REVOKED)
}
