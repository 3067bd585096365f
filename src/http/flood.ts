/** Rate limits: against floods only, counted per location and deliberately inexact. */

import type { Context } from 'hono'
import { OAuthError } from '../protocol/errors.ts'
import { addressOf } from './circumstances.ts'

/** The binding's period. */
const PERIOD_SECONDS = 60

/** What the rate limit binding promises. */
export type FloodLimit = Readonly<{
  limit: (asked: { key: string }) => Promise<{ success: boolean }>
}>

/** Throws 429 when this address asks too often. Where no address is known (locally) nothing is counted. */
export async function refuseFlood(c: Context, limit: FloodLimit): Promise<void> {
  const address = addressOf(c)
  if (address === '' || (await limit.limit({ key: address })).success) return
  throw new OAuthError('temporarily_unavailable', 'Too many attempts. Try again in a minute.', {
    status: 429,
    headers: { 'Retry-After': String(PERIOD_SECONDS) },
    detail: 'rate limit of the address',
  })
}
