/**
 * The webhook: its events about requests for permissions and listings and about decisions on them, and how often a delivery
 * is tried.
 */

import type { Permission } from './client.ts'

/** A permission or a listing that was requested or decided on. */
type Told = Readonly<{
  /** Absent for a listing. */
  kind?: Permission['kind']
  value?: string
  /** Absent for a request. */
  decision?: 'authorized' | 'listed' | 'declined' | 'withdrawn'
  /** '' if there is no reason; absent for a request. */
  reason?: string
}>

export type WebhookEvent =
  | 'request.created'
  | 'decision.made'
  | 'listing.requested'
  | 'listing.decided'

/** What one act did to the permissions or to the listing of one client. */
export type WebhookDelivery = Readonly<{
  /** The id is the same in every attempt, so that a receiver can ignore repeated deliveries. */
  webhookId: string
  event: WebhookEvent
  clientId: string
  /** The client's name at the moment of the act. */
  clientName: string
  clientKind: 'operator' | 'document' | 'registration'
  /** One element if it is a listing. */
  told: readonly Told[]
  /** The actor in the form that the audit has. */
  actor: string
  /** Epoch seconds. */
  createdAt: number
  /** How many attempts have begun, including this one. */
  attempts: number
}>

/** Seconds from each attempt to the next. The first attempt is made at once, so there are 8 attempts within 36 hours. */
export const RETRY_AFTER_SECONDS: readonly number[] = [60, 300, 1800, 7200, 18_000, 36_000, 64_800]
/** A delivery is dropped after this time. */
export const KEEP_DELIVERY_SECONDS = 36 * 3600
