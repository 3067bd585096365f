/**
 * The bodies that give permissions to a client or withdraw them, and that change the client's listing. A refusal or a
 * withdrawal has a reason.
 */

import * as z from 'zod/mini'
import { CLIENT_PERMISSIONS } from './client-fields.ts'
import { invalid } from './errors.ts'
import { oneOfSchema, requireValid, textSchema } from './field.ts'
import { permissionChangeSchema, readPermissionChange } from './shared-fields.ts'

export const DECISION_REASON = {
  flags: '--reason <text>',
  help: 'why, for the owners of the client',
  schema: textSchema(1000),
}

export const CLIENT_PERMISSION_CHANGE = z.extend(permissionChangeSchema(CLIENT_PERMISSIONS), {
  reason: z.optional(
    DECISION_REASON.schema.check(z.describe(`${DECISION_REASON.help}; only with withdraw`)),
  ),
})

/** Throws the same RegistrationErrors as `readPermissionChange`. */
export function readClientPermissionChange(value: unknown) {
  const { reason, ...change } = requireValid(CLIENT_PERMISSION_CHANGE, value)
  if (reason !== undefined && change.authorize !== undefined) {
    throw invalid('{field} is for what is withdrawn', 'reason')
  }
  return { ...readPermissionChange(CLIENT_PERMISSIONS, change), reason: reason ?? '' }
}

/** An owner requests a listing and takes the request back; an approver lists and declines. */
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
    throw invalid('{field} is for what is declined', 'reason')
  }
  return { act, reason: reason ?? '' }
}
