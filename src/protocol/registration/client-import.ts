/** A whole client of another registry: what a document shows of a client, and the digests of its secrets. */

import * as z from 'zod/mini'
import type { ClientFields, ImportedClient, Permission } from '../../domain/client.ts'
import type { SecretDigest } from '../../domain/ids.ts'
import { CLIENT_FIELDS, CLIENT_LISTS, grantTypeSchema } from './client-fields.ts'
import { fieldsIn, membersOf, wrongType } from './field.ts'
import { clientIdSchema, endorsementSchema, scopeSchema } from './shared-fields.ts'

const MAX_PERMISSIONS = 1000
const MAX_CREDENTIALS = 10

const SECRET_DIGEST_RULE = 'must be the hex SHA-256 of the secret: 64 characters'
export const secretDigestSchema = () =>
  z
    .string({ error: wrongType('text') })
    .check(z.regex(/^[0-9a-f]{64}$/, { error: `{field} ${SECRET_DIGEST_RULE} of 0-9 and a-f` }))

const instant = () =>
  z.iso.datetime({ error: '{field} must be an instant in UTC such as 2018-03-01T12:00:00Z' })

const permission = <Kind extends Permission['kind'], Value extends z.ZodMiniType<unknown>>(
  kind: Kind,
  value: Value,
) =>
  z.strictObject({
    kind: z.literal(kind),
    value,
    requested_at: instant(),
    authorized_at: z.nullable(instant()).check(z.describe('null: requested only')),
  })

/** A list of at most `maximum` rows, in which each `keyOf` occurs once. */
const rowsOf = <Row extends z.ZodMiniType>(
  row: Row,
  maximum: number,
  keyOf: (row: z.infer<Row>) => string,
) =>
  z._default(
    z.array(row, { error: wrongType('a list') }).check(
      z.maxLength(maximum, { error: `{field} must not have more than ${maximum} values` }),
      z.refine((rows: z.infer<Row>[]) => new Set(rows.map(keyOf)).size === rows.length, {
        error: '{field} must not have the same value twice',
      }),
    ),
    [],
  )

const PERMISSION = z.discriminatedUnion(
  'kind',
  [
    permission('scope', scopeSchema),
    permission('grant_type', grantTypeSchema),
    permission('endorsement', endorsementSchema),
  ],
  { error: '{field} must be scope, grant_type or endorsement' },
)

const CREDENTIAL = z.strictObject({
  secret_digest: secretDigestSchema().check(z.describe('lower-case hex SHA-256 of the secret')),
  created_at: instant(),
  expires_at: z._default(z.nullable(instant()), null),
})

export const CLIENT_IMPORT = z.strictObject({
  client_id: clientIdSchema(),
  ...membersOf(CLIENT_FIELDS, true),
  redirect_uris: z._default(CLIENT_LISTS.redirectUris.schema, []),
  permissions: rowsOf(PERMISSION, MAX_PERMISSIONS, ({ kind, value }) => `${kind} ${value}`),
  credentials: rowsOf(CREDENTIAL, MAX_CREDENTIALS, ({ secret_digest }) => secret_digest),
  created_at: instant(),
  disabled_at: z._default(z.nullable(instant()), null),
})

/** A row before it is checked. Its other members are those of `CLIENT_FIELDS`. */
export type ClientImport = Readonly<{
  client_id: string
  redirect_uris: readonly string[]
  permissions: readonly Readonly<{
    kind: Permission['kind']
    value: string
    requested_at: string
    authorized_at: string | null
  }>[]
  credentials: readonly Readonly<{ secret_digest: string; created_at: string }>[]
  created_at: string
  [field: string]: unknown
}>

const epochSeconds = (text: string) => Math.floor(Date.parse(text) / 1000)
const orNull = (text: string | null) => (text === null ? null : epochSeconds(text))

export const importedClientIn = (row: z.output<typeof CLIENT_IMPORT>): ImportedClient => ({
  clientId: row.client_id,
  fields: fieldsIn(CLIENT_FIELDS, row) as ClientFields,
  redirectUris: row.redirect_uris as readonly string[],
  permissions: row.permissions.map(({ kind, value, requested_at, authorized_at }) => ({
    kind,
    value: String(value),
    requestedAt: epochSeconds(requested_at),
    authorizedAt: orNull(authorized_at),
  })),
  credentials: row.credentials.map(({ secret_digest, created_at, expires_at }) => ({
    secretDigest: secret_digest as SecretDigest,
    createdAt: epochSeconds(created_at),
    expiresAt: orNull(expires_at),
  })),
  createdAt: epochSeconds(row.created_at),
  disabledAt: orNull(row.disabled_at),
})
