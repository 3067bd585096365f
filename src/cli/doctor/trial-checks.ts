/** Tries what docs/promises.md promises: a code is redeemed once, a session is seen, a revocation takes effect in time. */

import { decodeProtectedHeader } from 'jose'
import { digest } from '../../crypto/digest.ts'
import { importSecret, isLongEnough, verifyJwt } from '../../crypto/jws.ts'
import { randomText } from '../../crypto/random.ts'
import {
  CRON_INTERVAL_SECONDS,
  KV_STALENESS_SECONDS,
  SESSION_REVOKED_WITHIN_SECONDS,
} from '../../domain/revocation.ts'
import { epochSeconds } from '../tokens.ts'
import {
  type Administered,
  type Check,
  DEPLOY_THIS,
  type Examined,
  fail,
  notChecked,
  ok,
  overApi,
  poll,
  SEE_LOG,
  untilItAnswers,
  type Verdict,
} from './check.ts'
import { KEYS_READ, publishedKeys, SIGNING, verifies } from './key-checks.ts'
import { said } from './trial.ts'

const AT_ONCE = 5
/** The extra time for the requests before and after the wait. */
const EXTRA_SECONDS = 30

const IS_IT_UP = `${SEE_LOG}, and run the doctor again when the checks above pass.`
const IS_IT_THIS_SOURCE = `${DEPLOY_THIS} If it is, stop sign-ins: remove the route of the registry.`
const SAME_STORAGE =
  'See whether the authenticator runs and binds the SESSIONS of the registry: its wrangler.toml and its log.'
const NOT_REVOKED = `Revocations do not work. ${DEPLOY_THIS} See the log of the authenticator.`

/** A check that needs a code, and so a user who signs in. */
const withCodes = (run: (api: Administered) => Promise<Verdict>) =>
  overApi(async (api) =>
    (await api.status()).settings.LOGIN_URL === null
      ? run(api)
      : notChecked('users sign in at LOGIN_URL'),
  )

const isSeen = (response: Response) =>
  response.status === 200 && response.headers.get('X-Auth-Status') === 'authenticated'

/** Did the authenticator refuse the caller because of its PROXY_SECRET, and for no other reason? */
const asksForProxySecret = (response: Response) =>
  response.status === 403 && response.headers.get('WWW-Authenticate') === null

const isSeenOrNever = (response: Response) => isSeen(response) || asksForProxySecret(response)

type Presented = Readonly<{
  present: (token: string) => Promise<Response>
  /** What failed if the session is not seen. */
  notSeen: (status: number) => string
}>

/** A new token that the authenticator accepts within the bound, or the verdict if it does not. */
async function seenToken(
  { trial }: Administered,
  { bounds, proxySecret }: Examined,
  { present, notSeen }: Presented,
) {
  const { token, ...refused } = await trial.ownToken()
  if (token === null) return fail(`/token answered ${said(refused)}`, IS_IT_UP)
  const { seen, tookSeconds } = await poll(bounds.seenSeconds, () => present(token), isSeenOrNever)
  if (isSeen(seen)) return { token, tookSeconds, headers: seen.headers }
  if (!asksForProxySecret(seen)) return fail(notSeen(seen.status))
  return proxySecret === null
    ? notChecked('give the doctor PROXY_SECRET in its environment')
    : fail(
        'the authenticator has another PROXY_SECRET than the doctor was given',
        'Give the doctor PROXY_SECRET in its environment as the authenticator has it.',
      )
}

/** Null if there is nothing with which the JWT can be compared. */
async function isOurJwt(jwt: string, examined: Examined, url: string): Promise<boolean | null> {
  const { issuer, jwtSecret } = examined
  if (decodeProtectedHeader(jwt).alg !== 'HS256') {
    return verifies(jwt, await publishedKeys(url), { issuer, typ: 'JWT' })
  }
  if (jwtSecret === null || !isLongEnough(jwtSecret)) return null
  const expected = { issuer, now: epochSeconds() }
  return (await verifyJwt(jwt, [await importSecret(jwtSecret)], expected)) !== null
}

/** A check that calls the authenticator; `not checked` if the address is not known. */
const atAuthenticator = (
  run: (api: Administered, examined: Examined, url: string) => Promise<Verdict>,
): Check['run'] =>
  overApi(async (api, examined) =>
    examined.authenticatorUrl === null
      ? notChecked('the address of the authenticator is not known: give --authenticator URL')
      : run(api, examined, examined.authenticatorUrl),
  )

/** The order matters: a check uses what an earlier check made. */
export const TRIAL_CHECKS: readonly Check[] = [
  {
    name: 'kv',
    seconds: KV_STALENESS_SECONDS + EXTRA_SECONDS,
    toDo: untilItAnswers('KV'),
    // A read may lag a write. CODES only makes reads faster, so no response depends on it.
    run: overApi(async ({ trial }, { bounds }) => {
      const { token, ...refused } = await trial.ownToken()
      if (token === null) return fail(`/token answered ${said(refused)}`, IS_IT_UP)
      const look = () => trial.isActive(token)
      const { seen } = await poll(bounds.seenSeconds, look, (isActive) => isActive)
      return seen
        ? ok('SESSIONS writes and reads')
        : fail('SESSIONS does not read what it has written')
    }),
  },
  SIGNING,
  {
    name: 'pkce',
    seconds: 30,
    toDo: IS_IT_UP,
    run: withCodes(async ({ trial }) => {
      const code = await trial.issueCode(await digest(randomText()))
      const answer = await trial.redeem(code, randomText())
      if (answer.token !== null) {
        return fail('a code was redeemed with a wrong code_verifier', IS_IT_THIS_SOURCE)
      }
      return answer.error === 'invalid_grant'
        ? ok('a wrong code_verifier is refused')
        : fail(`/token answered ${said(answer)} to a wrong code_verifier`)
    }),
  },
  {
    name: 'single-use',
    seconds: 30,
    toDo: IS_IT_UP,
    run: withCodes(async ({ trial }) => {
      const verifier = randomText()
      const code = await trial.issueCode(await digest(verifier))
      const crowd = Array.from({ length: AT_ONCE }, () => trial.redeem(code, verifier))
      const answers = await Promise.all(crowd)
      const won = answers.filter(({ token }) => token !== null).length
      if (won === 1) return ok(`of ${AT_ONCE} redemptions of one code at once, one succeeds`)
      return won > 1
        ? fail(`one code was redeemed ${won} times of ${AT_ONCE} at once`, IS_IT_THIS_SOURCE)
        : fail(`a good code was refused: ${answers.map(said)[0]}`)
    }),
  },
  {
    name: 'session',
    seconds: KV_STALENESS_SECONDS + EXTRA_SECONDS,
    toDo: SAME_STORAGE,
    run: atAuthenticator(async (api, examined, url) => {
      const { trial } = api
      const { bounds } = examined
      const seen = await seenToken(api, examined, {
        present: (token) => trial.present(url, token),
        notSeen: (status) =>
          `the authenticator answers ${status} to a session opened ${bounds.seenSeconds} s ago`,
      })
      if ('state' in seen) return seen
      trial.seen = seen.token
      const isOurs = await isOurJwt(seen.headers.get('Authorization') ?? '', examined, url)
      if (isOurs === false) {
        return fail(
          `the JWT is not from ${examined.issuer}, or is signed by neither the JWT_SECRET checked above nor the keys of the authenticator`,
          'Give the doctor JWT_SECRET as the authenticator has it; compare ISSUER in each wrangler.toml.',
        )
      }
      return ok(`${url} sees a new session after ${seen.tookSeconds.toFixed(1)} s`)
    }),
  },
  KEYS_READ,
  {
    name: 'fresh',
    seconds: KV_STALENESS_SECONDS + EXTRA_SECONDS,
    toDo: SAME_STORAGE,
    run: atAuthenticator(async (api, examined, url) => {
      const { trial } = api
      const { isDeployed, authenticator } = examined
      const isBound = authenticator.d1_databases.some(({ binding }) => binding === 'DB')
      if (isDeployed && !isBound) {
        return notChecked('the authenticator does not bind DB: fresh is refused')
      }
      const presentFresh = (token: string) => trial.present(url, token, '?fresh')
      const notSeen = (status: number) => `/auth?fresh answers ${status} to a live session`
      const seen = await seenToken(api, examined, { present: presentFresh, notSeen })
      if ('state' in seen) return seen
      await trial.revoke(seen.token)
      const { status } = await presentFresh(seen.token)
      return status === 401
        ? ok('/auth?fresh refuses a revoked session at once')
        : fail(`/auth?fresh answers ${status} to a revoked session`, NOT_REVOKED)
    }),
  },
  {
    name: 'revocation',
    seconds: SESSION_REVOKED_WITHIN_SECONDS + CRON_INTERVAL_SECONDS + EXTRA_SECONDS,
    toDo: SAME_STORAGE,
    run: atAuthenticator(async ({ trial }, { bounds }, url) => {
      const { seen: token } = trial
      if (token === null) return notChecked('no session was seen that could be revoked')
      const isLost = (await trial.revoke(token)) > SESSION_REVOKED_WITHIN_SECONDS
      const seconds = bounds.revokedSeconds + (isLost ? CRON_INTERVAL_SECONDS : 0)
      const isRefused = ({ status }: Response) => status === 401
      const over = await poll(seconds, () => trial.present(url, token), isRefused)
      const took = `${over.tookSeconds.toFixed(1)} s`
      return isRefused(over.seen) && over.tookSeconds <= seconds
        ? ok(`a revoked session is refused after ${took}; the bound is ${seconds} s`)
        : fail(
            `a revoked session is still good after ${took}; the bound is ${seconds} s`,
            NOT_REVOKED,
          )
    }),
  },
]

/** This check runs last, also after a fault, and removes what the other checks made. */
export const CLEAN_UP: Check = {
  name: 'clean-up',
  seconds: EXTRA_SECONDS,
  toDo: 'Run the doctor again in ten minutes: it removes what a run before it left.',
  run: overApi(async ({ trial }) =>
    ok((await trial.remove()) ? 'what was made for this is removed' : 'nothing was made'),
  ),
}
