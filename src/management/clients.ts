/** `clients`: registered, read, changed and deleted. */

import * as z from 'zod/mini'
import { SELF_REGISTRATIONS } from '../domain/client.ts'
import { LISTING_STATES } from '../domain/directory.ts'
import {
  createClient,
  deleteClient,
  findClient,
  updateClient,
} from '../flows/registration/clients.ts'
import {
  CLIENT_CREATION,
  CLIENT_UPDATE,
  clientChangeIn,
  clientDocument,
  newClientIn,
} from '../protocol/registration/client-fields.ts'
import { RegistrationError } from '../protocol/registration/errors.ts'
import type { ClientReader } from '../stores/client-registry.ts'
import { isPlace, placeOf } from '../stores/waiting-clients.ts'
import { CLIENT_EXAMPLE, ClientDocument, changedBy, createdAt, NOTES } from './documents.ts'
import { withLogo, withPublishedKeys } from './fetched.ts'
import { described, maybe, named } from './openapi/schemas.ts'
import { operation } from './operation.ts'
import { PAGE, pageAnswer } from './paging.ts'

export const MAY_READ_CLIENTS = ['registry:read', 'registry:approve', 'registry:clients'] as const
export const MAY_CHANGE_CLIENTS = ['registry:clients'] as const

const Changed = named('ChangedClient', z.extend(ClientDocument, NOTES))
const Created = named(
  'CreatedClient',
  z.extend(Changed, {
    client_secret: maybe('shown only once; none for a client that keeps no secret'),
  }),
)

export const changed = changedBy(clientDocument)

const answer = (description: string) => ({ description, schema: Changed, example: CLIENT_EXAMPLE })

export const answerWithClient = { 200: answer('The client as it is now.') }

/** `after`: the `next` of a page, or the id of a client that waits, so that a list goes on behind it. */
async function placeFor(after: string, clients: Pick<ClientReader, 'find'>): Promise<string> {
  if (after === '' || isPlace(after)) return after
  const client = await clients.find(after)
  const waiting = client?.permissions.filter(({ authorizedAt }) => authorizedAt === null) ?? []
  if (waiting.length > 0) {
    return placeOf(Math.min(...waiting.map(({ requestedAt }) => requestedAt)), after)
  }
  const sentence = '{field} must be next of the page before, or the id of a client that waits'
  throw new RegistrationError('invalid', sentence, 'after')
}

export const clientOperations = [
  operation({
    method: 'GET',
    path: '/clients',
    name: 'listClients',
    summary: 'List clients, ordered by id',
    description:
      'With has_requests=true: the clients that wait for a decision, the one with the oldest request first. Its after may also be the id of a client that waits.',
    scopes: MAY_READ_CLIENTS,
    query: z.strictObject({
      ...PAGE,
      owner_id: maybe('clients of this owner'),
      name: maybe('a part of the name, in any case'),
      kind: z.optional(
        described(
          'who registered it: an operator, or itself by its document or by a request',
          z.enum(['operator', ...SELF_REGISTRATIONS]),
        ),
      ),
      has_requests: z.optional(
        described(
          'true: clients that requested something that is not authorized',
          z.enum(['true', 'false']),
        ),
      ),
      listing: z.optional(
        described('what became of the listing in the public directory', z.enum(LISTING_STATES)),
      ),
    }),
    answers: pageAnswer('A page of clients.', ClientDocument, CLIENT_EXAMPLE),
    async handle({
      query: { limit, after = '', owner_id: owner, name, kind, listing, ...query },
      act,
    }) {
      const { has_requests: requests } = query
      const filter = {
        ...(owner !== undefined && { owner }),
        ...(name !== undefined && { name }),
        ...(kind !== undefined && { kind }),
        ...(requests !== undefined && { hasRequests: requests === 'true' }),
        ...(listing !== undefined && { listing }),
      }
      const from = requests === 'true' ? await placeFor(after, act.ports.clients) : after
      const { records, next } = await act.ports.clients.page(from, limit, filter)
      return { body: { items: records.map(clientDocument), next } }
    },
  }),
  operation({
    method: 'POST',
    path: '/clients',
    name: 'createClient',
    summary: 'Register a client',
    description:
      'With a client_id of your choice the request can be repeated: the same content is 200 without a secret, other content is 409. Without grant types it gets those that it can be used for.',
    scopes: MAY_CHANGE_CLIENTS,
    body: named('ClientCreation', CLIENT_CREATION),
    hasVersion: true,
    bodyExample: {
      name: 'Reading list',
      owner_id: 'library',
      redirect_uris: ['https://reading.example/callback'],
      scopes: ['submission:read'],
    },
    answers: {
      200: answer('The client was there with the same content.'),
      201: {
        description: 'The client was registered.',
        schema: Created,
        example: { ...CLIENT_EXAMPLE, client_secret: 'regs_…' },
      },
    },
    problems: ['conflict'],
    async handle({ act, body }, deps) {
      const given = newClientIn(body)
      const made = await withPublishedKeys(await createClient(act, given), deps)
      const created = given.fields.logoUri ? await withLogo(made, deps, act.now) : made
      const { isNew, clientSecret, record } = created
      const { body: shown, ...known } = changed(created)
      return createdAt('/clients', record.clientId, isNew, {
        ...known,
        body: { ...shown, ...(clientSecret !== null && { client_secret: clientSecret }) },
      })
    },
  }),
  operation({
    method: 'GET',
    path: '/clients/{client_id}',
    name: 'getClient',
    summary: 'Show a client',
    scopes: MAY_READ_CLIENTS,
    answers: {
      200: {
        description: 'The client, without its secrets.',
        schema: ClientDocument,
        example: CLIENT_EXAMPLE,
      },
    },
    hasVersion: true,
    async handle({ act, parameters: { client_id = '' } }) {
      const client = await findClient(act, client_id)
      return { body: clientDocument(client), version: client.version }
    },
  }),
  operation({
    method: 'PATCH',
    path: '/clients/{client_id}',
    name: 'updateClient',
    summary: 'Change a client',
    description:
      'A list replaces the one before. Codes, refresh tokens and sessions that depend on a removed value end. What the metadata document of a client says is 409: only its author can change it.',
    scopes: MAY_CHANGE_CLIENTS,
    body: named('ClientChange', CLIENT_UPDATE),
    bodyExample: { name: 'Reading list', disabled: false },
    isConditional: true,
    answers: answerWithClient,
    problems: ['conflict'],
    async handle({ act, parameters: { client_id = '' }, body, version }, deps) {
      const given = clientChangeIn(body)
      const made = await updateClient(act, client_id, given, version)
      const outcome = await withPublishedKeys(made, deps, given.fields.jwksUri !== undefined)
      return changed(given.fields.logoUri ? await withLogo(outcome, deps, act.now) : outcome)
    },
  }),
  operation({
    method: 'DELETE',
    path: '/clients/{client_id}',
    name: 'deleteClient',
    summary: 'Delete a client and end all that it has',
    scopes: MAY_CHANGE_CLIENTS,
    isConditional: true,
    answers: { 200: answer('The client as it was.') },
    async handle({ act, parameters: { client_id = '' }, version }) {
      return changed(await deleteClient(act, client_id, version))
    },
  }),
]
