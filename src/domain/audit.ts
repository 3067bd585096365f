/** What the audit records: acts of administrators, and consents that users gave or removed. Never a token. */

export const AUDIT_EVENTS = [
  'client.create',
  'client.import',
  'client.update',
  'client.request',
  'client.authorize',
  'client.withdraw',
  'client.rotate_secret',
  'client.revoke_registration_token',
  'client.offer_ownership',
  'client.take_back_offer',
  'client.accept_offer',
  'client.decline_offer',
  'client.remove_owner',
  'client.leave',
  'client.request_listing',
  'client.take_back_listing',
  'client.list',
  'client.decline_listing',
  'client.disable',
  'client.enable',
  'client.delete',
  'user.create',
  'user.update',
  'user.authorize',
  'user.withdraw',
  'user.invite',
  'user.set_password',
  'user.disable',
  'user.enable',
  'user.delete',
  'scope.create',
  'scope.update',
  'scope.delete',
  'category.replace',
  'resource.create',
  'resource.update',
  'resource.delete',
  'document_host.create',
  'document_host.update',
  'document_host.delete',
  'session.revoke',
  'consent.grant',
  'consent.remove',
] as const
export type AuditEvent = (typeof AUDIT_EVENTS)[number]

/** `happenedAt` in epoch seconds. */
export type AuditEntry = Readonly<{
  happenedAt: number
  /**
   * `client:` and the id of the client that called the management API, with ` user:` and the id of the person who signed in
   * there, if any; `user:` and an id for what users do; `invitation`; `housekeeping`; `registration` for a client that
   * registered itself without an access token, and `client:` with the client's id for what the client does to its
   * registration; or the program that acted. Older rows have `administrator`.
   */
  actor: string
  event: AuditEvent
  clientId: string | null
  userId: string | null
  /** What the act changed. Never a secret, a token or the digest of one. */
  detail: Readonly<Record<string, unknown>>
}>

export const userActor = (userId: string) => `user:${userId}`
/** Cron, which disables and deletes unused clients. */
export const HOUSEKEEPING_ACTOR = 'housekeeping'
/** The reading of a client metadata document. */
export const DOCUMENT_ACTOR = 'document'
/** The person who sets a password by an invitation. */
export const INVITATION_ACTOR = 'invitation'
export const REGISTRATION_ACTOR = 'registration'
