/** Rate limits, per location and deliberately inexact. A failed limit refuses nothing, because D1 counts failed sign-ins. */

import { networkOf } from '../domain/network.ts'
import { OAuthError } from '../protocol/errors.ts'
import type { HttpContext } from './request-context.ts'

/** The `period` of the rate limit bindings in wrangler.toml. */
export const FLOOD_PERIOD_SECONDS = 60

/** The part of a rate limit binding that is used. */
export type FloodLimit = Readonly<{
  limit: (asked: { key: string }) => Promise<{ success: boolean }>
}>

/** A key that is counted, and the words for it in the log of a refusal. */
type Counted = Readonly<{ key: string; what: string }>

/** Throws 429 if a count exceeds its limit. The message begins with `sentence`. */
export async function refuseTooMany(
  c: HttpContext,
  limit: FloodLimit,
  counted: readonly Counted[],
  sentence: string,
): Promise<void> {
  const uncounted = (fault: unknown) => {
    c.get('request').log('flood_not_counted', { fault })
    return { success: true }
  }
  const counts = await Promise.all(counted.map(({ key }) => limit.limit({ key }).catch(uncounted)))
  const over = counted[counts.findIndex(({ success }) => !success)]
  if (over === undefined) return
  throw new OAuthError(
    'temporarily_unavailable',
    `${sentence} Try again in ${FLOOD_PERIOD_SECONDS} seconds.`,
    {
      status: 429,
      headers: { 'Retry-After': String(FLOOD_PERIOD_SECONDS) },
      detail: `rate limit of ${over.what}`,
    },
  )
}

/** Throws 429 for too many requests from this network, or about this client. Without an address nothing is counted. */
export async function refuseFlood(
  c: HttpContext,
  limit: FloodLimit,
  client: string | null = null,
): Promise<void> {
  const network = networkOf(c.get('request').ipAddress)
  if (network === '') return
  const counted = [
    { key: network, what: 'the address' },
    ...(client === null ? [] : [{ key: `client ${client}`, what: 'the client' }]),
  ]
  await refuseTooMany(c, limit, counted, 'Too many attempts.')
}
