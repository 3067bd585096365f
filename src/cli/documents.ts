/** Records as the command line prints them: snake_case, times in ISO 8601, and no secret nor its digest. */

import type { AuditEntry } from '../domain/audit.ts'
import type { ClientRecord, Permission } from '../stores/client-record.ts'
import type { Refused } from '../stores/ports.ts'
import type { UserRecord } from '../stores/user-registry.ts'

const isoTime = (epochSeconds: number | null) =>
  epochSeconds === null ? null : new Date(epochSeconds * 1000).toISOString()

const requested = (client: ClientRecord, kind: Permission['kind']) =>
  client.permissions
    .filter((permission) => permission.kind === kind && permission.authorizedAt === null)
    .map(({ value }) => value)

export const clientDocument = (client: ClientRecord) => ({
  client_id: client.clientId,
  name: client.name,
  owner_id: client.ownerId,
  url: client.url,
  description: client.description,
  auth_method: client.authMethod,
  jwks: client.jwks === null ? null : (JSON.parse(client.jwks) as object),
  require_pkce: client.requirePkce,
  require_dpop: client.requireDpop,
  may_introspect: client.mayIntrospect,
  access_token_lifetime_seconds: client.accessTokenLifetimeSeconds,
  redirect_uris: client.redirectUris,
  grant_types: client.grantTypes,
  scopes: client.scopes,
  endorsements: client.endorsements,
  requested_grant_types: requested(client, 'grant_type'),
  requested_scopes: requested(client, 'scope'),
  requested_endorsements: requested(client, 'endorsement'),
  permissions: client.permissions.map(({ kind, value, requestedAt, authorizedAt }) => ({
    kind,
    value,
    requested_at: isoTime(requestedAt),
    authorized_at: isoTime(authorizedAt),
  })),
  credentials: client.credentials.map(({ createdAt, expiresAt, lastUsedAt }) => ({
    created_at: isoTime(createdAt),
    expires_at: isoTime(expiresAt),
    last_used_at: isoTime(lastUsedAt),
  })),
  created_at: isoTime(client.createdAt),
  updated_at: isoTime(client.updatedAt),
  disabled_at: isoTime(client.disabledAt),
})

export const auditDocument = (entry: AuditEntry) => ({
  happened_at: isoTime(entry.happenedAt),
  actor: entry.actor,
  event: entry.event,
  client_id: entry.clientId,
  user_id: entry.userId,
  detail: entry.detail,
})

export const refusalDocument = (refused: Refused) => ({
  correlation_id: refused.correlationId,
  refused_at: isoTime(refused.refusedAt),
  endpoint: refused.endpoint,
  error: refused.error,
  detail: refused.detail,
  client_id: refused.clientId,
})

export const userDocument = (user: UserRecord) => ({
  user_id: user.userId,
  username: user.username,
  email: user.email,
  scopes: user.scopes,
  endorsements: user.endorsements,
  created_at: isoTime(user.createdAt),
  updated_at: isoTime(user.updatedAt),
  disabled_at: isoTime(user.disabledAt),
})
