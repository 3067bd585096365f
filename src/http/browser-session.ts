/** Who is signed in at this browser: the session cookie, and the record behind it. */

import type { Context } from 'hono'
import { setCookie } from 'hono/cookie'
import { digest } from '../crypto/digest.ts'
import { isWellFormed, TOKEN_PREFIXES } from '../crypto/token.ts'
import type { SessionRecord } from '../domain/session.ts'
import { readSessionCookie, sessionCookieName } from '../protocol/session-cookie.ts'
import type { LiveSessions } from '../stores/ports.ts'

/** `token` is the browser's own secret: form tokens are derived from it. */
export type BrowserSession = Readonly<{ token: string; record: SessionRecord }>

type Deps = Readonly<{ liveSessions: LiveSessions; issuer: string }>

/**
 * Null when nobody is signed in. An access token in the cookie is nobody. Junk of our own form asks no storage.
 * D1 is asked too, so that a revoked session is nobody at once.
 */
export async function readBrowserSession(
  c: Context,
  { liveSessions, issuer }: Deps,
  nowMs: number,
): Promise<BrowserSession | null> {
  const cookie = readSessionCookie(c.req.header('Cookie'), issuer)
  if (cookie.kind !== 'session') return null
  const { token } = cookie
  const isJunk =
    token.startsWith(TOKEN_PREFIXES.browserSession) && !isWellFormed('browserSession', token)
  if (isJunk) return null
  const record = await liveSessions.find(await digest(token), nowMs, true)
  return record?.user && record.client === null ? { token, record } : null
}

/** The token as sent, to end the session behind it; null when there is none. */
export function presentedToken(c: Context, issuer: string): string | null {
  const cookie = readSessionCookie(c.req.header('Cookie'), issuer)
  return cookie.kind === 'session' ? cookie.token : null
}

/** Lax, so that the cookie comes along when a client sends the browser here, and never with a foreign post. */
const attributes = (issuer: string, maxAge: number) => ({
  path: '/',
  httpOnly: true,
  secure: issuer.startsWith('https://'),
  sameSite: 'Lax' as const,
  maxAge,
})

/** A cookie of this host, over https bound to it by the `__Host-` prefix. `lifetimeSeconds` 0 removes it. */
export const setHostCookie = (
  c: Context,
  name: string,
  value: string,
  issuer: string,
  lifetimeSeconds: number,
) => setCookie(c, name, value, attributes(issuer, lifetimeSeconds))

export const setSessionCookie = (
  c: Context,
  issuer: string,
  token: string,
  lifetimeSeconds: number,
) => setHostCookie(c, sessionCookieName(issuer), token, issuer, lifetimeSeconds)
