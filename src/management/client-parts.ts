/** The parts of a client: its secrets, its registration access token, its permissions and its listing in the directory. */

import * as z from 'zod/mini'
import {
  authorizeClient,
  findClient,
  revokeRegistrationToken,
  rotateSecret,
  withdrawFromClient,
} from '../flows/registration/clients.ts'
import {
  declineListing,
  listClient,
  requestListing,
  takeBackListing,
} from '../flows/registration/listings.ts'
import {
  CLIENT_PERMISSION_CHANGE,
  LISTING_CHANGE,
  readClientPermissionChange,
  readListingChange,
} from '../protocol/registration/client-decisions.ts'
import { clientDocument } from '../protocol/registration/client-fields.ts'
import { clients, MAY_CHANGE_CLIENTS, MAY_READ_CLIENTS } from './clients.ts'
import { CLIENT_EXAMPLE, ClientPermissions } from './documents.ts'
import { withPublishedKeys } from './fetched.ts'
import { named } from './openapi/schemas.ts'
import { operation } from './operation.ts'
import { NOTES, notesIn } from './records.ts'

const MAY_DECIDE = ['registry:approve', 'registry:clients'] as const
const MAX_SECONDS = 2 ** 31
const rule = '{field} must be a whole number of seconds, zero or more'

const PERMISSIONS = [
  'client_id',
  'grant_types',
  'scopes',
  'endorsements',
  'requested_grant_types',
  'requested_scopes',
  'requested_endorsements',
  'permissions',
  'decisions',
] as const

const EXAMPLE = Object.fromEntries(PERMISSIONS.map((name) => [name, CLIENT_EXAMPLE[name]]))

export const clientPartOperations = [
  operation({
    method: 'POST',
    path: '/clients/{client_id}/secrets',
    name: 'rotateClientSecret',
    summary: 'Give a client a new secret',
    description:
      'The old secrets stay good for overlap_seconds. Without an overlap what they opened ends; refresh tokens stay.',
    scopes: MAY_CHANGE_CLIENTS,
    body: z.strictObject({
      overlap_seconds: z._default(
        z.int(rule).check(z.minimum(0, rule), z.maximum(MAX_SECONDS, rule)),
        0,
      ),
    }),
    bodyExample: { overlap_seconds: 3600 },
    isConditional: true,
    responses: {
      201: {
        description: 'The new secret, shown only once.',
        schema: z.strictObject({ client_secret: z.string(), ...NOTES }),
        example: { client_secret: 'regs_…' },
      },
    },
    problems: ['conflict'],
    async handle({ act, key, body, version }) {
      const rotated = await rotateSecret(act, key, body.overlap_seconds, version)
      return {
        status: 201,
        body: { client_secret: rotated.clientSecret, ...notesIn(rotated) },
        version: rotated.record.version,
      }
    },
  }),
  clients.change({
    method: 'DELETE',
    part: '/registration-token',
    name: 'revokeRegistrationToken',
    summary: 'Revoke the registration access token of a client',
    description:
      'A client that registered itself can then no longer read, change or delete its registration (RFC 7592). It still gets tokens.',
    handle: ({ act, key, version }) => revokeRegistrationToken(act, key, version),
  }),
  operation({
    method: 'GET',
    path: '/clients/{client_id}/permissions',
    name: 'getClientPermissions',
    summary: 'Show what a client may do and has requested',
    scopes: MAY_READ_CLIENTS,
    responses: {
      200: { description: 'Its permissions.', schema: ClientPermissions, example: EXAMPLE },
    },
    hasVersion: true,
    async handle({ act, key }) {
      const client = await findClient(act, key)
      const document: Record<string, unknown> = clientDocument(client)
      const body = Object.fromEntries(PERMISSIONS.map((name) => [name, document[name]]))
      return { body, version: client.version }
    },
  }),
  clients.change({
    method: 'POST',
    part: '/permissions',
    name: 'changeClientPermissions',
    summary: 'Give a client permissions, or take them',
    description:
      'Either authorize or withdraw. Withdrawing declines what was only requested, and ends the sessions that depend on what was taken. The owners see the decision with its reason. With registry:approve, which is for people who sign in, only what is requested. Nobody who signed in authorizes anything for an own client.',
    scopes: MAY_DECIDE,
    body: named('ClientPermissionChange', CLIENT_PERMISSION_CHANGE),
    bodyExample: { authorize: { scopes: ['submission:read'] } },
    problems: ['conflict'],
    async handle({ act, key, body, version }, deps) {
      const { how, lists, reason } = readClientPermissionChange(body)
      if (how === 'authorize') {
        return withPublishedKeys(await authorizeClient(act, key, lists, version), deps)
      }
      return withdrawFromClient(act, key, { ...lists, reason }, version)
    },
  }),
  clients.change({
    method: 'POST',
    part: '/listing',
    name: 'changeClientListing',
    summary: 'Decide whether a client is in the public directory',
    description:
      'request and take_back are for an owner who asked you and does not use the portal. list and decline decide on a request; decline also ends a listing, and the owners see the reason. A client whose name, page, description, logo or first owner changes waits for a decision again. With registry:approve, which is for people who sign in, only list and decline. A person who signed in lists no client that they own.',
    scopes: MAY_DECIDE,
    body: named('ClientListingChange', LISTING_CHANGE),
    bodyExample: { act: 'decline', reason: 'It is not finished yet.' },
    problems: ['conflict'],
    async handle({ act, key, body, version }) {
      const given = readListingChange(body)
      return {
        request: () => requestListing(act, key, version),
        take_back: () => takeBackListing(act, key, version),
        list: () => listClient(act, key, version),
        decline: () => declineListing(act, key, given.reason, version),
      }[given.act]()
    },
  }),
]
