/** The webhook: its events about requests for permissions and listings and decisions on them, and how often it tries to send one. */

import type { Permission } from './client.ts'

/** A permission or a listing that was requested, or decided on. */
type Told = Readonly<{
  /** Absent for a listing. */
  kind?: Permission['kind']
  value?: string
  /** Absent for a request. */
  decision?: 'authorized' | 'listed' | 'declined' | 'withdrawn'
  /** '' without one; absent for a request. */
  reason?: string
}>

export type WebhookEvent =
  | 'request.created'
  | 'decision.made'
  | 'listing.requested'
  | 'listing.decided'

/** What one act did to the permissions or to the listing of one client. */
export type WebhookDelivery = Readonly<{
  /** The same in every attempt, so that a receiver can ignore repeats. */
  webhookId: string
  event: WebhookEvent
  clientId: string
  /** As it was when it happened. */
  clientName: string
  clientKind: 'operator' | 'document' | 'registration'
  /** One for a listing. */
  told: readonly Told[]
  /** As in the audit. */
  actor: string
  /** Epoch seconds. */
  createdAt: number
  /** How many have begun, this one included. */
  attempts: number
}>

/** Seconds from each attempt to the next. The first is made at once, so there are 8 within 36 hours. */
export const RETRY_AFTER_SECONDS: readonly number[] = [60, 300, 1800, 7200, 18_000, 36_000, 64_800]
/** Then a delivery is dropped. */
export const KEEP_DELIVERY_SECONDS = 36 * 3600
