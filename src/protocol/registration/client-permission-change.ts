/** The body that gives a client permissions, or takes them with a reason. */

import * as z from 'zod/mini'
import { CLIENT_PERMISSIONS } from './client-fields.ts'
import { RegistrationError } from './errors.ts'
import { requireValid, textSchema } from './field.ts'
import { permissionChangeSchema, readPermissionChange } from './shared-fields.ts'

/** Why something is declined or withdrawn. */
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

/** Throws a RegistrationError as `readPermissionChange` does. */
export function readClientPermissionChange(value: unknown) {
  const { reason, ...change } = requireValid(CLIENT_PERMISSION_CHANGE, value)
  if (reason !== undefined && change.authorize !== undefined) {
    throw new RegistrationError('invalid', '{field} is for what is withdrawn', 'reason')
  }
  return { ...readPermissionChange(CLIENT_PERMISSIONS, change), reason: reason ?? '' }
}
