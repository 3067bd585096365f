/** Signing in and out: the built-in sign-in of registered users. */

import { sessionKeyOf } from '../crypto/digest.ts'
import { NO_ONES_HASH, passwordMatches } from '../crypto/password.ts'
import { randomText } from '../crypto/random.ts'
import { isEnabled } from '../domain/client.ts'
import { networkOf } from '../domain/network.ts'
import { isRegistryScope } from '../domain/registry-scopes.ts'
import { OFFLINE_ACCESS } from '../domain/scope.ts'
import { OAuthError } from '../protocol/errors.ts'
import type { Deps, RequestContext } from './deps.ts'
import { newBearer, openSession } from './open-session.ts'

/** How long a browser counts as known after the last sign-in from it. */
export const KNOWN_BROWSER_SECONDS = 365 * 86_400

/** `browserToken` is the value of the cookie by which this browser is known from now on. */
type SignedIn = Readonly<{ token: string; lifetimeSeconds: number; browserToken: string }>

/**
 * Returns a string with the reason, for the operator alone, if the sign-in fails: an unknown user, a wrong password and a
 * disabled user get the same response after the same work. Every sign-in opens a new session and ends the old one, so that no
 * session can be fixed beforehand.
 */
export async function signIn(
  asked: Readonly<{
    username: string
    password: string
    previousToken: string | null
    browserToken: string | null
  }>,
  deps: Pick<
    Deps,
    | 'users'
    | 'sessions'
    | 'revocations'
    | 'signInFailures'
    | 'knownBrowsers'
    | 'browserSessionLifetimeSeconds'
  >,
  context: RequestContext,
): Promise<SignedIn | string> {
  const { now, nowMs, ipAddress, defer } = context
  const { username, password, browserToken: knownBy } = asked
  const network = networkOf(ipAddress)
  const [found, lockedUntil] = await Promise.all([
    deps.users.findByUsername(username),
    deps.signInFailures.lockedUntil(username, network, now, knownBy),
  ])
  requireUnlocked(lockedUntil, now)
  // The attempt is recorded before the password is compared, so that simultaneous guesses get no more attempts than
  // sequential ones.
  const tried = await deps.signInFailures.record(username, network, now, knownBy)
  requireUnlocked(tried.lockedUntil, now)
  // A user who was invited and has no password yet is compared in the same way.
  const matches = await passwordMatches(password, found?.passwordHash || NO_ONES_HASH)
  if (!found || !matches || !isEnabled(found.user)) {
    if (!found) return 'unknown username'
    return matches ? 'disabled user' : 'wrong password'
  }
  defer(deps.signInFailures.clear(username, network, knownBy, tried))
  const bearer = await newBearer('browserSession')
  const { user } = found
  const lifetimeSeconds = deps.browserSessionLifetimeSeconds
  const session = {
    user,
    client: null,
    redirectUri: '',
    // A cookie is bound to no key, and lives longer than a token with the registry's scopes.
    scopes: user.scopes.filter((scope) => !isRegistryScope(scope) && scope !== OFFLINE_ACCESS),
    endorsements: user.endorsements,
    ipAddress,
    jkt: null,
    audience: [],
    asOfMs: user.readAtMs,
    startAtMs: nowMs,
    lifetimeSeconds,
  }
  // The token is new at each sign-in, so that no token can be planted beforehand.
  const browserToken = randomText()
  const { userId } = user
  const expiresAt = now + KNOWN_BROWSER_SECONDS
  await Promise.all([
    openSession(bearer, session, deps),
    deps.knownBrowsers.remember({
      ...{ userId, passwordHash: found.passwordHash, token: browserToken, previousToken: knownBy },
      ...{ expiresAt, session: { key: bearer.key, endsAt: now + lifetimeSeconds }, now },
    }),
  ])
  if (asked.previousToken !== null) defer(signOut(asked.previousToken, deps, context))
  return { token: bearer.token, lifetimeSeconds, browserToken }
}

/** The refusal is the same for a name that exists and for a name that does not. */
function requireUnlocked(lockedUntil: number, now: number) {
  if (now >= lockedUntil) return
  const seconds = lockedUntil - now
  throw new OAuthError(
    'temporarily_unavailable',
    `Too many failed attempts. Try again in ${seconds} seconds.`,
    {
      status: 429,
      headers: { 'Retry-After': String(seconds) },
      detail: `sign-in locked for ${seconds} s more`,
    },
  )
}

export async function signOut(
  token: string,
  deps: Pick<Deps, 'revocations'>,
  { defer }: Pick<RequestContext, 'defer'>,
): Promise<void> {
  const key = await sessionKeyOf(token)
  const isShown = await deps.revocations.endSessions([key])
  if (isShown) defer(deps.revocations.markShown([key]))
}
