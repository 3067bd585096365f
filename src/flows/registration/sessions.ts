/** Revocation by an administrator: of one token's session, or of all that a client or a user has. */

import { sessionKeyOf, signedTokenKeyOf, tokenDigestOf } from '../../crypto/digest.ts'
import { hasTokenPrefix, isWellFormed, mayBeSigned } from '../../crypto/token.ts'
import {
  ALL_REVOKED_WITHIN_SECONDS,
  CRON_INTERVAL_SECONDS,
  SESSION_REVOKED_WITHIN_SECONDS,
} from '../../domain/revocation.ts'
import { unverifiedId } from '../../protocol/read-access-token.ts'
import { conflict, invalid, notFound, quote } from '../../protocol/registration/errors.ts'
import type { UserReader } from '../../stores/user-registry.ts'
import { type Act, authorOf, NOT_SHOWN, showInKv } from './change.ts'
import { findClient } from './clients.ts'

/** Every check refuses what was revoked within this number of seconds; checks with immediate revocation refuse it at once. */
export type Revoked = Readonly<{ effectiveWithinSeconds: number; notes: readonly string[] }>

const revoked = (boundSeconds: number, notes: readonly string[]): Revoked => ({
  effectiveWithinSeconds: boundSeconds + (notes.length === 0 ? 0 : CRON_INTERVAL_SECONDS),
  notes,
})

/** The tokens of an external accounts service have another form than the registry's tokens. */
function mayBeSession(token: string, usersAreExternal: boolean): boolean {
  if (isWellFormed('accessToken', token) || isWellFormed('browserSession', token)) return true
  return usersAreExternal && token !== '' && !hasTokenPrefix(token)
}

/**
 * An access token and a browser session end alone; a refresh token ends with all tokens that were renewed with it. For the
 * first two, success means that the token is not valid now, but not that it was ever issued. `usersAreExternal`: with
 * LOGIN_URL.
 */
export async function revokeAnyToken(
  act: Act,
  token: string,
  usersAreExternal: boolean,
): Promise<Revoked> {
  const signedId = mayBeSigned(token) ? unverifiedId(token) : null
  if (signedId !== null) return endSigned(act, signedId)
  if (isWellFormed('refreshToken', token)) return endFamily(act, token)
  return endSession(act, token, usersAreExternal)
}

const shown = (boundSeconds: number, isShown: boolean) =>
  revoked(boundSeconds, isShown ? [] : [NOT_SHOWN])

/** Does not check whether the token is valid: revoking a token that was never issued ends nothing. */
async function endSigned(act: Act, jti: string): Promise<Revoked> {
  const key = await signedTokenKeyOf(jti)
  const isShown = await act.ports.revocations.endSession(key, 'access token', authorOf(act))
  return shown(ALL_REVOKED_WITHIN_SECONDS, isShown)
}

async function endFamily(act: Act, token: string): Promise<Revoked> {
  const found = await act.ports.refreshTokens.find(await tokenDigestOf(token))
  if (!found) throw notFound('there is no such refresh token', 'token')
  const { familyId, clientId, user, audience } = found.family
  const family = { familyId, clientId, userId: user.userId }
  const isShown = await act.ports.revocations.endFamily(family, authorOf(act))
  // The client's access tokens may be signed if they are for a resource.
  const mayBeInDocument = audience.length > 0
  return shown(
    mayBeInDocument ? ALL_REVOKED_WITHIN_SECONDS : SESSION_REVOKED_WITHIN_SECONDS,
    isShown,
  )
}

/** KV may not show a new session yet, but a stolen token must end in any case. So KV is not asked for the session. */
async function endSession(act: Act, token: string, usersAreExternal: boolean): Promise<Revoked> {
  if (!mayBeSession(token, usersAreExternal)) {
    throw invalid('the token is not an access, refresh or browser session token', 'token')
  }
  const kind = isWellFormed('browserSession', token) ? 'browser session' : 'access token'
  const key = await sessionKeyOf(token)
  const isShown = await act.ports.revocations.endSession(key, kind, authorOf(act))
  return shown(SESSION_REVOKED_WITHIN_SECONDS, isShown)
}

async function revokeAll(
  act: Act,
  of: Readonly<{ clientId: string }> | Readonly<{ userId: string }>,
): Promise<Revoked> {
  await act.ports.revocations.endAll(of, authorOf(act))
  return revoked(ALL_REVOKED_WITHIN_SECONDS, await showInKv(act.ports))
}

export async function revokeSessionsOfClient(act: Act, clientId: string): Promise<Revoked> {
  await findClient(act, clientId)
  return revokeAll(act, { clientId })
}

/** The id of a registered user, or of an external user whom D1 has seen; null if neither. Throws if several have the name. */
export async function findUserId(
  { ports }: Readonly<{ ports: Readonly<{ users: Pick<UserReader, 'find' | 'findExternalIds'> }> }>,
  idOrName: string,
): Promise<string | null> {
  const registered = await ports.users.find(idOrName)
  if (registered) return registered.userId
  const [id = null, ...others] = await ports.users.findExternalIds(idOrName)
  if (others.length === 0) return id
  const ids = [id, ...others].map(quote).join(', ')
  const sentence = `several users have the name ${quote(idOrName)}: give one of the ids ${ids}`
  throw conflict(sentence, 'user_id')
}

/** With `evenUnknown` the id may be unknown to D1: a user of an external service who only signed in has such an id. */
export async function revokeSessionsOfUser(
  act: Act,
  idOrName: string,
  evenUnknown = false,
): Promise<Revoked> {
  const known = await findUserId(act, idOrName)
  if (known !== null) return revokeAll(act, { userId: known })
  if (evenUnknown && idOrName !== '') return revokeAll(act, { userId: idOrName })
  throw notFound(
    `there is no user ${quote(idOrName)}: D1 has no user, consent, code or refresh token of that id or name. ` +
      'To revoke for this id in any case: {field}',
    'even_unknown',
  )
}
