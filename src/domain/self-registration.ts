/** Clients that register themselves by a request (RFC 7591): limits, duplicates, and how long an unused one is kept. */

export const REGISTRATION_MODES = ['off', 'token', 'open'] as const
/** Who may register a client: nobody, callers with an access token for it, or everybody. */
export type RegistrationMode = (typeof REGISTRATION_MODES)[number]

/** The limit of a network is for one hour from its first registration; that of the whole registry is for a day. */
export const REGISTRATION_HOUR_SECONDS = 3600
/** A duplicate is one within this time, too. */
export const REGISTRATION_DAY_SECONDS = 86_400

const DAY_SECONDS = 86_400
/** A client that never got a token is deleted after this time. */
export const KEEP_NEVER_USED_SECONDS = 3 * DAY_SECONDS
/** A client that got no token for this time is disabled. */
export const DISABLE_UNUSED_SECONDS = 90 * DAY_SECONDS
/** It is deleted this long after it was disabled. */
export const DELETE_UNUSED_SECONDS = 30 * DAY_SECONDS
