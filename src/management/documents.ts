/** The documents of clients and users in the form that the API describes. */

import * as z from 'zod/mini'
import { SELF_REGISTRATIONS } from '../domain/client.ts'
import { LISTING_STATES } from '../domain/directory.ts'
import { DECISION_REASON } from '../protocol/registration/client-decisions.ts'
import {
  CLIENT_FIELDS,
  CLIENT_LISTS,
  CLIENT_PERMISSIONS,
} from '../protocol/registration/client-fields.ts'
import {
  entriesOf,
  type FieldTable,
  helpInJson,
  snakeCase,
} from '../protocol/registration/field.ts'
import { USER_FIELDS, USER_LISTS } from '../protocol/registration/user-fields.ts'
import { described, Instant, named, text } from './openapi/schemas.ts'

/** The members of a document, all of which are present. */
export const membersIn = <T>(fields: FieldTable<T>): Record<string, z.ZodMiniType> =>
  Object.fromEntries(
    entriesOf(fields).map(([name, { schema, help }]) => [
      snakeCase(name),
      schema.check(z.describe(helpInJson(help))) as z.ZodMiniType,
    ]),
  )

const times = { created_at: Instant, updated_at: Instant, disabled_at: z.nullable(Instant) }

const requested = Object.fromEntries(
  Object.entries(membersIn(CLIENT_PERMISSIONS)).map(([name, schema]) => [
    `requested_${name}`,
    schema,
  ]),
)

const permission = {
  kind: z.enum(['scope', 'grant_type', 'endorsement']),
  value: z.string(),
  requested_at: Instant,
  authorized_at: z.nullable(Instant),
}
const permissions = z.array(z.strictObject(permission))
const decisions = z.array(
  z.strictObject({
    ...permission,
    decision: described(
      'what last became of it: taken_back by an owner, else by an administrator',
      z.enum(['declined', 'withdrawn', 'taken_back']),
    ),
    decided_at: Instant,
    reason: text(DECISION_REASON.help),
  }),
)

export const ClientDocument = named(
  'Client',
  z.strictObject({
    client_id: z.string(),
    ...membersIn(CLIENT_FIELDS),
    owner_id: text('the id of its first owner; empty for a client that registered itself'),
    ...membersIn(CLIENT_LISTS),
    ...requested,
    permissions,
    decisions,
    approved_at: described(
      'when it was last given a permission by a decision; null: not known',
      z.nullable(Instant),
    ),
    changed_since_approval: described(
      'members of this document that are not as they were then',
      z.array(z.string()),
    ),
    credentials: z.array(
      z.strictObject({
        created_at: Instant,
        expires_at: z.nullable(Instant),
        last_used_at: z.nullable(Instant),
      }),
    ),
    self_registered: described(
      'how it registered itself, by its document or by a request; null: an operator registered it',
      z.nullable(z.enum(SELF_REGISTRATIONS)),
    ),
    has_registration_token: described(
      'it can read, change and delete its own registration (RFC 7592)',
      z.boolean(),
    ),
    used_at: described(
      'of a client that registered itself: the day of its last token; null: none yet',
      z.nullable(Instant),
    ),
    ...times,
    disabled_by_owner: described(
      'an owner disabled it in the portal, and may enable it there',
      z.boolean(),
    ),
    listing: described(
      'what became of its listing in the public directory; null: no owner wants it',
      z.nullable(
        z.strictObject({
          state: z.enum(LISTING_STATES),
          requested_at: described('when it last began to wait for a decision', Instant),
          listed_at: z.nullable(Instant),
          declined_at: z.nullable(Instant),
          reason: text(DECISION_REASON.help),
        }),
      ),
    ),
  }),
)

export const ClientPermissions = named(
  'ClientPermissions',
  z.strictObject({
    client_id: z.string(),
    ...membersIn(CLIENT_PERMISSIONS),
    ...requested,
    permissions,
    decisions,
  }),
)

export const UserDocument = named(
  'User',
  z.strictObject({
    user_id: z.string(),
    ...membersIn(USER_FIELDS),
    ...membersIn(USER_LISTS),
    ...times,
  }),
)

export const CLIENT_EXAMPLE = {
  client_id: 'Z5sV2mXkq0',
  name: 'Reading list',
  owner_id: 'library',
  url: 'https://reading.example',
  description: 'Keeps what a user wants to read.',
  auth_method: 'client_secret',
  jwks: null,
  require_pkce: true,
  require_dpop: false,
  may_introspect: false,
  access_token_lifetime_seconds: null,
  logo_uri: '',
  tos_uri: '',
  policy_uri: '',
  contacts: ['admin@reading.example'],
  software_id: '',
  software_version: '',
  application_type: 'web',
  jwks_uri: '',
  redirect_uris: ['https://reading.example/callback'],
  default_resources: [],
  further_owners: [],
  grant_types: ['authorization_code'],
  scopes: ['submission:read'],
  endorsements: [],
  requested_grant_types: [],
  requested_scopes: [],
  requested_endorsements: [],
  permissions: [
    {
      kind: 'scope',
      value: 'submission:read',
      requested_at: '2026-10-01T12:00:00.000Z',
      authorized_at: '2026-10-01T12:00:00.000Z',
    },
  ],
  decisions: [
    {
      kind: 'scope',
      value: 'submission:create',
      requested_at: '2026-10-01T12:00:00.000Z',
      authorized_at: null,
      decision: 'declined',
      decided_at: '2026-10-02T09:30:00.000Z',
      reason: 'A reading list does not submit.',
    },
  ],
  approved_at: '2026-10-01T12:00:00.000Z',
  changed_since_approval: ['redirect_uris'],
  credentials: [{ created_at: '2026-10-01T12:00:00.000Z', expires_at: null, last_used_at: null }],
  self_registered: null,
  has_registration_token: false,
  used_at: null,
  created_at: '2026-10-01T12:00:00.000Z',
  updated_at: '2026-10-01T12:00:00.000Z',
  disabled_at: null,
  disabled_by_owner: false,
  listing: null,
}

export const USER_EXAMPLE = {
  user_id: 'q0Xm5Zk2Vs',
  username: 'ada',
  email: 'ada@example.org',
  scopes: ['submission:read'],
  endorsements: ['cs.DL'],
  created_at: '2026-10-01T12:00:00.000Z',
  updated_at: '2026-10-01T12:00:00.000Z',
  disabled_at: null,
}
