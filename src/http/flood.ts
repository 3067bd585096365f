/**
 * Rate limits: against floods only, counted per location and deliberately inexact. So one that fails or is silent stops
 * nobody: what guessing must wait for is counted on D1.
 */

import type { Context } from 'hono'
import { FLOOD_PERIOD_SECONDS } from '../domain/lockout.ts'
import { networkOf } from '../domain/network.ts'
import { OAuthError } from '../protocol/errors.ts'
import { log } from './log.ts'
import { addressOf } from './request-context.ts'
import { noteOf } from './serving.ts'

/** What the rate limit binding promises, when it answers. */
export type FloodLimit = Readonly<{
  limit: (asked: { key: string }) => Promise<{ success: boolean }>
}>

/**
 * Throws 429 when there is too much from this network, or about this client, whoever it is from. Where no address
 * is known (locally) nothing is counted.
 */
export async function refuseFlood(
  c: Context,
  limit: FloodLimit,
  client: string | null = null,
): Promise<void> {
  const network = networkOf(addressOf(c))
  if (network === '') return
  const keys = client === null ? [network] : [network, `client ${client}`]
  const uncounted = (fault: unknown) => {
    log('flood_not_counted', { fault }, noteOf(c))
    return { success: true }
  }
  const counts = await Promise.all(keys.map((key) => limit.limit({ key }).catch(uncounted)))
  const at = counts.findIndex(({ success }) => !success)
  if (at === -1) return
  throw new OAuthError('temporarily_unavailable', 'Too many attempts. Try again in a minute.', {
    status: 429,
    headers: { 'Retry-After': String(FLOOD_PERIOD_SECONDS) },
    detail: at === 0 ? 'rate limit of the address' : 'rate limit of the client',
  })
}
