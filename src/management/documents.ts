/** The documents of clients and users, as the API describes them, and what the responses to changes add. */

import * as z from 'zod/mini'
import { SELF_REGISTRATIONS } from '../domain/client.ts'
import { LISTING_STATES } from '../domain/directory.ts'
import type { Outcome } from '../flows/registration/change.ts'
import {
  CLIENT_FIELDS,
  CLIENT_LISTS,
  CLIENT_PERMISSIONS,
} from '../protocol/registration/client-fields.ts'
import { DECISION_REASON } from '../protocol/registration/client-permission-change.ts'
import { entriesOf, type Fields, helpInJson, snakeCase } from '../protocol/registration/field.ts'
import { USER_FIELDS, USER_LISTS } from '../protocol/registration/user-fields.ts'
import { Instant, named } from './openapi/schemas.ts'
import type { Result } from './operation.ts'

/** Every member is there. */
export const membersIn = <T>(fields: Fields<T>): Record<string, z.ZodMiniType> =>
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
    decision: z
      .enum(['declined', 'withdrawn', 'taken_back'])
      .check(
        z.describe('what last became of it: taken_back by an owner, else by an administrator'),
      ),
    decided_at: Instant,
    reason: z.string().check(z.describe(DECISION_REASON.help)),
  }),
)

export const ClientDocument = named(
  'Client',
  z.strictObject({
    client_id: z.string(),
    ...membersIn(CLIENT_FIELDS),
    owner_id: z
      .string()
      .check(z.describe('whose client it is; empty for a client that registered itself')),
    ...membersIn(CLIENT_LISTS),
    ...requested,
    permissions,
    decisions,
    approved_at: z
      .nullable(Instant)
      .check(z.describe('when it was last given a permission by a decision; null: not known')),
    changed_since_approval: z
      .array(z.string())
      .check(z.describe('members of this document that are not as they were then')),
    credentials: z.array(
      z.strictObject({
        created_at: Instant,
        expires_at: z.nullable(Instant),
        last_used_at: z.nullable(Instant),
      }),
    ),
    self_registered: z
      .nullable(z.enum(SELF_REGISTRATIONS))
      .check(
        z.describe(
          'how it registered itself, by its document or by a request; null: an operator registered it',
        ),
      ),
    has_registration_token: z
      .boolean()
      .check(z.describe('it can read, change and delete its own registration (RFC 7592)')),
    used_at: z
      .nullable(Instant)
      .check(
        z.describe('of a client that registered itself: the day of its last token; null: none yet'),
      ),
    ...times,
    disabled_by_owner: z
      .boolean()
      .check(z.describe('an owner disabled it in the portal, and may enable it there')),
    listing: z
      .nullable(
        z.strictObject({
          state: z.enum(LISTING_STATES),
          requested_at: Instant.check(z.describe('when it last began to wait for a decision')),
          listed_at: z.nullable(Instant),
          declined_at: z.nullable(Instant),
          reason: z.string().check(z.describe(DECISION_REASON.help)),
        }),
      )
      .check(
        z.describe('what became of its listing in the public directory; null: no owner wants it'),
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

/** What a person should know of a change: for example that a wider permission is still held. Absent if there is nothing. */
export const NOTES = {
  notes: z.optional(z.array(z.string()).check(z.describe('what a person should know'))),
}

export const notesIn = ({ notes }: Pick<Outcome<unknown>, 'notes'>) =>
  notes.length > 0 ? { notes } : {}

/** The response to a change: the record's document, with notes, and its version. */
export const changedBy =
  <Changed extends Readonly<{ version: number }>>(documentOf: (record: Changed) => object) =>
  (outcome: Outcome<Changed>): Result => ({
    body: { ...documentOf(outcome.record), ...notesIn(outcome) },
    version: outcome.record.version,
  })

/** The response to a creation: 201 with the record's path, or 200 where it was there with the same content. */
export const createdAt = (path: string, key: string, isNew: boolean, result: Result): Result =>
  isNew ? { ...result, status: 201, location: `${path}/${encodeURIComponent(key)}` } : result

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
