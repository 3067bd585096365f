/** The body that changes the listing of a client. */

import * as z from 'zod/mini'
import { DECISION_REASON } from './client-permission-change.ts'
import { RegistrationError } from './errors.ts'
import { oneOfSchema, requireValid } from './field.ts'

/** An owner requests and takes back; an approver lists and declines. */
export const LISTING_ACTS = ['request', 'take_back', 'list', 'decline'] as const
type ListingAct = (typeof LISTING_ACTS)[number]

export const LISTING_CHANGE = z.strictObject({
  act: oneOfSchema(LISTING_ACTS, () => `{field} must be ${LISTING_ACTS.join(' or ')}`),
  reason: z.optional(
    DECISION_REASON.schema.check(z.describe(`${DECISION_REASON.help}; only with decline`)),
  ),
})

/** Throws a RegistrationError that names the field. */
export function readListingChange(value: unknown): Readonly<{ act: ListingAct; reason: string }> {
  const { act, reason } = requireValid(LISTING_CHANGE, value)
  if (reason !== undefined && act !== 'decline') {
    throw new RegistrationError('invalid', '{field} is for what is declined', 'reason')
  }
  return { act, reason: reason ?? '' }
}
