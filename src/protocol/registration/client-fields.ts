/** The fields of a client, and the bodies and documents that contain them. */

import * as z from 'zod/mini'
import {
  AUTH_METHODS,
  type ClientFields,
  type ClientLists,
  type ClientRecord,
  DEFAULT_AUTH_METHOD,
  GRANT_TYPES,
  type Permission,
  type PermissionLists,
} from '../../domain/client.ts'
import { changedSinceApproval } from '../../domain/client-approval.ts'
import { listingStateOf } from '../../domain/directory.ts'
import { MAX_REDIRECT_URI_LENGTH } from '../../domain/registration.ts'
import { CLIENT_DETAILS, pageSchema } from './client-details.ts'
import { quote } from './errors.ts'
import {
  type FieldTable,
  fieldsIn,
  filledSchema,
  flagField,
  flagSchema,
  isoTime,
  listField,
  membersOf,
  oneOfSchema,
  shown,
  snakeCase,
  textSchema,
} from './field.ts'
import {
  clientIdSchema,
  DEFAULT_RESOURCES,
  ENDORSEMENTS,
  FURTHER_OWNERS,
  LIFETIME_FIELD,
  lifetimeSchema,
  scopesField,
  secondsIn,
} from './shared-fields.ts'

/** The schema checks only the shape; `crypto/key-set.ts` checks the keys. */
const keySetSchema = z.nullable(
  z.looseObject(
    { keys: z.array(z.looseObject({}), { error: '{field} must be a JWK Set' }) },
    { error: '{field} must be a JWK Set: an object with an array of keys' },
  ),
)

export const CLIENT_FIELDS: FieldTable<ClientFields> = {
  name: {
    flags: '--name <name>',
    help: 'what users know it by',
    isRequired: true,
    schema: filledSchema(1000),
  },
  ownerId: {
    flags: '--owner <id>',
    help: 'its owner: the id of a user, who manages it in the portal, or another text of your choice',
    isRequired: true,
    schema: filledSchema(1000),
  },
  url: {
    flags: '--url <url>',
    help: "the client's own page, http or https, shown to users",
    initial: '',
    schema: pageSchema(),
  },
  description: {
    flags: '--description <text>',
    help: 'what the client is for, shown to users',
    initial: '',
    schema: textSchema(10_000),
  },
  authMethod: {
    flags: '--auth-method <method>',
    help:
      `how it authenticates: ${AUTH_METHODS.join(', ')}. client_secret, the default of create, takes the secret by ` +
      'HTTP Basic or in the body; client_secret_basic and client_secret_post take it in that way only; none is ' +
      'for a client that keeps no secret',
    initial: DEFAULT_AUTH_METHOD,
    schema: oneOfSchema(
      AUTH_METHODS,
      (input) =>
        `unknown authentication method ${quote(input)}: use one of ${AUTH_METHODS.join(', ')}`,
    ),
  },
  // With `jwksUri` this is what was last read there.
  jwks: {
    flags: '--jwks <json>',
    help:
      'its public keys, a JWK Set: private_key_jwt needs them or jwks_uri, and no other method does. Keys of other types ' +
      'or for other uses are left out',
    initial: null,
    schema: keySetSchema,
    keep: (keySet: object | null) => (keySet === null ? null : JSON.stringify(keySet)),
    inDocument: (keySet) => (keySet === null ? null : (JSON.parse(keySet) as object)),
    // The audit does not contain the JWK Set, because it is long.
    inAudit: (keySet) => (keySet === null ? undefined : 'replaced'),
  },
  requirePkce: flagField(
    '--require-pkce',
    'refuse its authorization requests without PKCE',
    'accept its authorization requests without PKCE',
  ),
  requireDpop: flagField(
    '--require-dpop',
    'refuse its token requests without a DPoP proof (RFC 9449)',
    'accept its token requests without a DPoP proof',
  ),
  mayIntrospect: flagField(
    '--may-introspect',
    'let it introspect the tokens of other clients',
    'do not let it introspect the tokens of other clients',
  ),
  accessTokenLifetimeSeconds: {
    ...LIFETIME_FIELD,
    help:
      'how long its new access tokens live: at least 60, and never longer than SESSION_LIFETIME_SECONDS; ' +
      '{empty} for that limit',
    initial: null,
    schema: z.nullable(lifetimeSchema(', nor {empty} for SESSION_LIFETIME_SECONDS')),
    fromText: (text) => (text === '' ? null : secondsIn(text)),
  },
  ...CLIENT_DETAILS,
}

export const grantTypeSchema = oneOfSchema(
  GRANT_TYPES,
  (input) => `unknown grant type ${quote(input)}: use one of ${GRANT_TYPES.join(', ')}`,
)

/** What `authorize` gives to a client and `withdraw` takes from it. */
export const CLIENT_PERMISSIONS: FieldTable<Required<PermissionLists>> = {
  grantTypes: listField(
    '--grant-type <type>',
    `a grant it may use: ${GRANT_TYPES.join(', ')}`,
    grantTypeSchema,
  ),
  scopes: scopesField(
    'a scope (RFC 6749): read, or domain:action or domain:action:resource, which have a hierarchy',
  ),
  endorsements: ENDORSEMENTS,
}

export const CLIENT_LISTS: FieldTable<Required<ClientLists>> = {
  // The registration checks the list as a whole.
  redirectUris: listField(
    '--redirect-uri <uri>',
    'where users are sent back to: https, or http on a loopback address',
    textSchema(MAX_REDIRECT_URI_LENGTH),
  ),
  defaultResources: DEFAULT_RESOURCES,
  furtherOwners: FURTHER_OWNERS,
  ...CLIENT_PERMISSIONS,
}

/** The fields that are given of a client, and whether lists are authorized, stored as requested, or need no approval. */
export type GivenClient = Readonly<{
  fields: Partial<ClientFields>
  lists: ClientLists
  mode: 'authorize' | 'request' | 'allow'
}>
export type GivenNewClient = GivenClient &
  Readonly<{
    fields: ClientFields
    /** The id that the caller chose; null for a random id. */
    clientId: string | null
  }>
/** `isDisabled` is undefined if the state does not change. */
export type GivenClientChange = GivenClient & Readonly<{ isDisabled: boolean | undefined }>

const requestedOnly = () =>
  z.optional(
    flagSchema().check(z.describe('note the lists as requested, without authorizing anything')),
  )

export const CLIENT_CREATION = z.strictObject({
  client_id: z.optional(
    clientIdSchema().check(z.describe('an id of your choice; without it a random one')),
  ),
  ...membersOf(CLIENT_FIELDS, true),
  ...membersOf(CLIENT_LISTS, false),
  requested_only: requestedOnly(),
})

export const CLIENT_UPDATE = z.strictObject({
  ...membersOf(CLIENT_FIELDS, false),
  ...membersOf(CLIENT_LISTS, false),
  requested_only: requestedOnly(),
  disabled: z.optional(
    flagSchema().check(z.describe('true: issue no tokens to it, and end all that it has')),
  ),
})

const givenIn = (body: Readonly<Record<string, unknown>>): GivenClient => ({
  fields: fieldsIn(CLIENT_FIELDS, body),
  lists: fieldsIn(CLIENT_LISTS, body),
  mode: body.requested_only === true ? 'request' : 'authorize',
})

export function newClientIn(body: z.infer<typeof CLIENT_CREATION>): GivenNewClient {
  const given = givenIn(body)
  return { ...given, fields: given.fields as ClientFields, clientId: body.client_id ?? null }
}

export const clientChangeIn = (body: z.infer<typeof CLIENT_UPDATE>): GivenClientChange => ({
  ...givenIn(body),
  isDisabled: body.disabled,
})

/** If `isRequested` is absent, both the authorized values and those that are only requested. */
export const permissionsOf = (
  client: Pick<ClientRecord, 'permissions'>,
  kind: Permission['kind'],
  isRequested?: boolean,
) =>
  client.permissions
    .filter((one) => one.kind === kind)
    .filter((one) => isRequested === undefined || isRequested === (one.authorizedAt === null))
    .map(({ value }) => value)

/** The document of a client, without its secrets and their digests. */
export const clientDocument = (client: ClientRecord) => ({
  client_id: client.clientId as string,
  ...shown('inDocument', CLIENT_FIELDS, client),
  // Keys that were read at an address are not shown as given, so that the document can be sent back.
  ...(client.jwksUri !== '' && { jwks: null }),
  ...shown('inDocument', CLIENT_LISTS, client),
  requested_grant_types: permissionsOf(client, 'grant_type', true),
  requested_scopes: permissionsOf(client, 'scope', true),
  requested_endorsements: permissionsOf(client, 'endorsement', true),
  permissions: client.permissions.map(({ kind, value, requestedAt, authorizedAt }) => ({
    kind,
    value,
    requested_at: isoTime(requestedAt),
    authorized_at: isoTime(authorizedAt),
  })),
  decisions: client.decisions.map(({ requestedAt, authorizedAt, decidedAt, ...decision }) => ({
    ...decision,
    requested_at: isoTime(requestedAt),
    authorized_at: isoTime(authorizedAt),
    decided_at: isoTime(decidedAt),
  })),
  approved_at: isoTime(client.approval?.approvedAt ?? null),
  changed_since_approval: (changedSinceApproval(client) ?? []).map(snakeCase),
  credentials: client.credentials.map(({ createdAt, expiresAt, lastUsedAt }) => ({
    created_at: isoTime(createdAt),
    expires_at: isoTime(expiresAt),
    last_used_at: isoTime(lastUsedAt),
  })),
  self_registered: client.selfRegistered?.kind ?? null,
  has_registration_token: client.hasRegistrationToken,
  used_at: isoTime(client.selfRegistered?.usedAt ?? null),
  created_at: isoTime(client.createdAt),
  updated_at: isoTime(client.updatedAt),
  disabled_at: isoTime(client.disabledAt),
  disabled_by_owner: client.isDisabledByOwner,
  listing: client.listing && {
    state: listingStateOf(client.listing),
    requested_at: isoTime(client.listing.requestedAt),
    listed_at: isoTime(client.listing.listedAt),
    declined_at: isoTime(client.listing.declinedAt),
    reason: client.listing.reason,
  },
})
