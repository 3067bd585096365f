/**
 * Rate limits against floods: counted per location and deliberately inexact. A rate limit that fails or does not answer
 * stops no request: D1 counts what guessing must wait for.
 */

import { networkOf } from '../domain/network.ts'
import { OAuthError } from '../protocol/errors.ts'
import type { HttpContext } from './request-context.ts'

/** `period` of the rate limit bindings in wrangler.toml. */
export const FLOOD_PERIOD_SECONDS = 60

/** What the rate limit binding promises, when it answers. */
export type FloodLimit = Readonly<{
  limit: (asked: { key: string }) => Promise<{ success: boolean }>
}>

/**
 * Throws 429 when there is too much from this network, or about this client from any network. Where no address is known
 * (locally) nothing is counted.
 */
export async function refuseFlood(
  c: HttpContext,
  limit: FloodLimit,
  client: string | null = null,
): Promise<void> {
  const { ipAddress, log } = c.get('request')
  const network = networkOf(ipAddress)
  if (network === '') return
  const keys = client === null ? [network] : [network, `client ${client}`]
  const uncounted = (fault: unknown) => {
    log('flood_not_counted', { fault })
    return { success: true }
  }
  const counts = await Promise.all(keys.map((key) => limit.limit({ key }).catch(uncounted)))
  const at = counts.findIndex(({ success }) => !success)
  if (at === -1) return
  const sentence = `Too many attempts. Try again in ${FLOOD_PERIOD_SECONDS} seconds.`
  throw new OAuthError('temporarily_unavailable', sentence, {
    status: 429,
    headers: { 'Retry-After': String(FLOOD_PERIOD_SECONDS) },
    detail: at === 0 ? 'rate limit of the address' : 'rate limit of the client',
  })
}
