/** What the sender of the webhook is promised. Instants in epoch seconds, by D1's clock. */

import type { WebhookDelivery } from '../domain/webhook.ts'

/** How an attempt ended. */
export type Attempt = Readonly<{
  webhookId: string
  /** Null: it was accepted. Otherwise the end of a sentence that begins with the address. */
  failure: string | null
  /** Is it never tried again? */
  isLast: boolean
}>

export type WebhookDeliveryStore = Readonly<{
  /**
   * Begins an attempt of at most `rows` deliveries that are due, the longest due first. Of any number of calls at once one
   * gets a delivery; the next attempt is already planned, so that a call which gets no further loses nothing.
   */
  claim(rows: number): Promise<readonly WebhookDelivery[]>
  /** Forgets what was accepted. What failed waits for its next attempt. */
  settle(attempts: readonly Attempt[]): Promise<void>
}>
