/**
 * The model of the soak test: whether a check must accept or refuse each issued token. Pure functions; times are epoch
 * milliseconds and are arguments. While an act runs, both results are right.
 */

import { CRON_INTERVAL_SECONDS, DOCUMENT_REFRESH_SECONDS } from '../../src/domain/revocation.ts'

export type Token = Readonly<{
  text: string
  clientId: string
  username: string | null
  scopes: readonly string[]
  revocation: Revocation
}>

/** Valid until `mayMs`. Refused by fresh checks from `freshMs` on, and by all checks from `plainMs` on. `by`: the act that revoked. */
type Revocation = { mayMs: number; freshMs: number; plainMs: number; by: string }

export const notRevoked = (): Revocation => ({
  mayMs: Number.POSITIVE_INFINITY,
  freshMs: Number.POSITIVE_INFINITY,
  plainMs: Number.POSITIVE_INFINITY,
  by: '',
})

/**
 * docs/promises.md, Revocation, with a local KV that is never stale: the revocation of a single session takes effect at once,
 * of all sessions of a client when an authenticator has read the document again.
 */
export const ONE_SESSION_MS = 0
export const ALL_SESSIONS_MS = (DOCUMENT_REFRESH_SECONDS + 1) * 1000
/** If the service is killed between the writes to D1 and KV, the next run of cron repeats the write to KV. */
export const REPAIRED_MS = (CRON_INTERVAL_SECONDS + 2) * 1000

/** Records that an act that revokes the token has begun. */
export function recordRevocationStart({ revocation }: Token, atMs: number): void {
  revocation.mayMs = Math.min(revocation.mayMs, atMs)
}

/** Records that an act that may revoke the token has begun. Returns a function to call if the act did not revoke it. */
export function recordPossibleRevocation(token: Token, atMs: number): () => void {
  const before = token.revocation.mayMs
  recordRevocationStart(token, atMs)
  return () => {
    if (token.revocation.freshMs === Number.POSITIVE_INFINITY) token.revocation.mayMs = before
  }
}

/** Records that the act was successful. */
export function recordRevocation(token: Token, atMs: number, withinMs: number, by: string): void {
  recordRevocationStart(token, atMs)
  if (token.revocation.by === '') token.revocation.by = by
  token.revocation.freshMs = Math.min(token.revocation.freshMs, atMs)
  token.revocation.plainMs = Math.min(token.revocation.plainMs, atMs + withinMs)
}

export const isSurelyValid = ({ revocation }: Token) =>
  revocation.mayMs === Number.POSITIVE_INFINITY

type Verdict = 'accepted' | 'refused' | 'either'

/** What a check from `begunMs` to `endedMs` must say. */
export function verdictOf(
  { revocation }: Token,
  how: 'fresh' | 'plain',
  begunMs: number,
  endedMs: number,
): Verdict {
  if (endedMs < revocation.mayMs) return 'accepted'
  return begunMs >= (how === 'fresh' ? revocation.freshMs : revocation.plainMs)
    ? 'refused'
    : 'either'
}

/** A client secret, the time until which it must be valid, and the time from which it must be invalid. */
export type Secret = { text: string; goodUntilMs: number; badFromMs: number }

export const goodSecret = (text: string): Secret => ({
  text,
  goodUntilMs: Number.POSITIVE_INFINITY,
  badFromMs: Number.POSITIVE_INFINITY,
})

/** Records a rotation from `begunMs` to `endedMs`. D1 stores times in whole seconds. */
export function recordRotation(
  secret: Secret,
  overlapMs: number,
  begunMs: number,
  endedMs: number,
) {
  secret.goodUntilMs = Math.min(secret.goodUntilMs, begunMs + overlapMs - 1000)
  secret.badFromMs = Math.min(secret.badFromMs, endedMs + overlapMs + 1000)
}

export function verdictOfSecret(secret: Secret, begunMs: number, endedMs: number): Verdict {
  if (endedMs < secret.goodUntilMs) return 'accepted'
  return begunMs >= secret.badFromMs ? 'refused' : 'either'
}
