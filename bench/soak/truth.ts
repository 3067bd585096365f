/**
 * What is true of every token that was handed out, and so what a check of it must say. Pure: instants are epoch
 * milliseconds and come in. An act takes a while, so that for a moment both answers are right.
 */

import { CRON_INTERVAL_SECONDS, DOCUMENT_REFRESH_SECONDS } from '../../src/domain/revocation.ts'

export type Token = Readonly<{
  text: string
  clientId: string
  username: string | null
  scopes: readonly string[]
  ending: Ending
}>

/** Until `mayMs` it lives. From `freshMs` on it is over for who asks D1, from `plainMs` on for everybody. `by` which act. */
type Ending = { mayMs: number; freshMs: number; plainMs: number; by: string }

export const lives = (): Ending => ({
  mayMs: Number.POSITIVE_INFINITY,
  freshMs: Number.POSITIVE_INFINITY,
  plainMs: Number.POSITIVE_INFINITY,
  by: '',
})

/**
 * docs/promises.md, Revocation, where KV lags by nothing because it was written here: a single session ends at once, all
 * of a client's when an authenticator has read the document again.
 */
export const ONE_SESSION_MS = 0
export const ALL_SESSIONS_MS = (DOCUMENT_REFRESH_SECONDS + 1) * 1000
/** What D1 has and KV could not be told, since it was killed in between, the next sweep tells it. */
export const REPAIRED_MS = (CRON_INTERVAL_SECONDS + 2) * 1000

/** An act that would end it was begun. */
export function mayEnd({ ending }: Token, atMs: number): void {
  ending.mayMs = Math.min(ending.mayMs, atMs)
}

/** An act is begun that may end it. The verb takes that back, when the act turned out to be another. */
export function doubt(token: Token, atMs: number): () => void {
  const before = token.ending.mayMs
  mayEnd(token, atMs)
  return () => {
    if (token.ending.freshMs === Number.POSITIVE_INFINITY) token.ending.mayMs = before
  }
}

/** The act was answered with success. */
export function hasEnded(token: Token, atMs: number, withinMs: number, by: string): void {
  mayEnd(token, atMs)
  if (token.ending.by === '') token.ending.by = by
  token.ending.freshMs = Math.min(token.ending.freshMs, atMs)
  token.ending.plainMs = Math.min(token.ending.plainMs, atMs + withinMs)
}

export const isSurelyLive = ({ ending }: Token) => ending.mayMs === Number.POSITIVE_INFINITY

type Verdict = 'accepted' | 'refused' | 'either'

/** Of a check that was under way from `begunMs` to `endedMs`. */
export function mustBe(
  { ending }: Token,
  how: 'fresh' | 'plain',
  begunMs: number,
  endedMs: number,
): Verdict {
  if (endedMs < ending.mayMs) return 'accepted'
  return begunMs >= (how === 'fresh' ? ending.freshMs : ending.plainMs) ? 'refused' : 'either'
}

/** A secret of a client, while the registry certainly takes it and from when it certainly does not. */
export type Secret = { text: string; goodUntilMs: number; badFromMs: number }

export const goodSecret = (text: string): Secret => ({
  text,
  goodUntilMs: Number.POSITIVE_INFINITY,
  badFromMs: Number.POSITIVE_INFINITY,
})

/** Rotated by an act from `begunMs` to `endedMs`: times are kept in whole seconds. */
export function outlive(secret: Secret, overlapMs: number, begunMs: number, endedMs: number) {
  secret.goodUntilMs = Math.min(secret.goodUntilMs, begunMs + overlapMs - 1000)
  secret.badFromMs = Math.min(secret.badFromMs, endedMs + overlapMs + 1000)
}

export function secretMustBe(secret: Secret, begunMs: number, endedMs: number): Verdict {
  if (endedMs < secret.goodUntilMs) return 'accepted'
  return begunMs >= secret.badFromMs ? 'refused' : 'either'
}
