/** The user who is signed in at this browser: the session cookie, and the session record that it refers to. */

import { getCookie, setCookie } from 'hono/cookie'
import { sessionKeyOf } from '../crypto/digest.ts'
import { mayBeBrowserSession } from '../crypto/token.ts'
import type { SessionKey } from '../domain/ids.ts'
import type { SessionRecord } from '../domain/session.ts'
import { hostCookieName, readSessionCookie, SESSION_COOKIE } from '../protocol/session-cookie.ts'
import type { LiveSessions } from '../stores/live-sessions.ts'
import type { HttpContext } from './request-context.ts'

/** `token` is the browser's own secret, from which form tokens are derived. */
export type BrowserSession = Readonly<{ token: string; record: SessionRecord }>

type Deps = Readonly<{ liveSessions: LiveSessions; issuer: string }>

/** `holds` asks D1 whether the session was revoked: before D1 has answered, only work without an effect may begin. */
export type SeenSession = BrowserSession &
  Readonly<{ key: SessionKey; holds: () => Promise<boolean> }>

/** Null if no user is signed in: an access token in the cookie is no session. A malformed token is not looked up. */
export async function seeBrowserSession(
  c: HttpContext,
  { liveSessions, issuer }: Deps,
): Promise<SeenSession | null> {
  const cookie = readSessionCookie(c.req.header('Cookie'), issuer)
  if (cookie.kind !== 'session') return null
  const { token } = cookie
  if (!mayBeBrowserSession(token)) return null
  const key = await sessionKeyOf(token)
  const record = await liveSessions.findShown(key, c.get('request').nowMs)
  if (!record?.user || record.client !== null) return null
  return { token, key, record, holds: () => liveSessions.holds(key, record) }
}

/** The token as the browser sent it, to end its session; null if there is none. */
export function presentedToken(c: HttpContext, issuer: string): string | null {
  const cookie = readSessionCookie(c.req.header('Cookie'), issuer)
  return cookie.kind === 'session' ? cookie.token : null
}

/** The cookie is Lax: the browser sends it when a client redirects here, and never with a post from another site. */
const attributes = (issuer: string, maxAge: number) => ({
  path: '/',
  httpOnly: true,
  secure: issuer.startsWith('https://'),
  sameSite: 'Lax' as const,
  maxAge,
})

type Cookie = Readonly<{ name: string; value: string; lifetimeSeconds: number }>

/** Over https the `__Host-` prefix binds the cookie to this host. `lifetimeSeconds` 0 removes the cookie. */
export const setHostCookie = (
  c: HttpContext,
  issuer: string,
  { name, value, lifetimeSeconds }: Cookie,
) => setCookie(c, hostCookieName(name, issuer), value, attributes(issuer, lifetimeSeconds))

export const hostCookie = (c: HttpContext, issuer: string, name: string) =>
  getCookie(c, hostCookieName(name, issuer))

export const setSessionCookie = (
  c: HttpContext,
  issuer: string,
  token: string,
  lifetimeSeconds: number,
) => setHostCookie(c, issuer, { name: SESSION_COOKIE, value: token, lifetimeSeconds })
