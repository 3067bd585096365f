/** `clients`: how they are registered, read, changed and deleted. */

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
import { CLIENT_EXAMPLE, ClientDocument } from './documents.ts'
import { withLogo, withPublishedKeys } from './fetched.ts'
import { described, maybe, named } from './openapi/schemas.ts'
import { PAGE } from './paging.ts'
import { recordOperations } from './records.ts'

export const MAY_READ_CLIENTS = ['registry:read', 'registry:approve', 'registry:clients'] as const
export const MAY_CHANGE_CLIENTS = ['registry:clients'] as const

export const clients = recordOperations({
  path: '/clients',
  key: 'client_id',
  name: 'Client',
  document: ClientDocument,
  documentOf: clientDocument,
  example: CLIENT_EXAMPLE,
  mayRead: MAY_READ_CLIENTS,
  mayChange: MAY_CHANGE_CLIENTS,
})

/** `after`: the `next` of a page, or the id of a client that waits, so that a list continues after this client. */
async function placeFor(after: string, reader: Pick<ClientReader, 'find'>): Promise<string> {
  if (after === '' || isPlace(after)) return after
  const client = await reader.find(after)
  const waiting = client?.permissions.filter(({ authorizedAt }) => authorizedAt === null) ?? []
  if (waiting.length > 0) {
    return placeOf(Math.min(...waiting.map(({ requestedAt }) => requestedAt)), after)
  }
  const sentence = '{field} must be next of the page before, or the id of a client that waits'
  throw new RegistrationError('invalid', sentence, 'after')
}

export const clientOperations = [
  clients.list({
    summary: 'List clients, ordered by id',
    description:
      'With has_requests=true: the clients that wait for a decision, the one with the oldest request first. Its after may also be the id of a client that waits.',
    response: 'A page of clients.',
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
      return act.ports.clients.page(from, limit, filter)
    },
  }),
  clients.create({
    summary: 'Register a client',
    description:
      'With a client_id of your choice the request can be repeated: the same content is 200 without a secret, other content is 409. Without grant types it gets those that it can be used for.',
    known: 'The client was there with the same content.',
    response: 'The client was registered.',
    once: {
      members: {
        client_secret: maybe('shown only once; none for a client that keeps no secret'),
      },
      example: { client_secret: 'regs_…' },
    },
    body: named('ClientCreation', CLIENT_CREATION),
    bodyExample: {
      name: 'Reading list',
      owner_id: 'library',
      redirect_uris: ['https://reading.example/callback'],
      scopes: ['submission:read'],
    },
    async handle({ act, body }, deps) {
      const given = newClientIn(body)
      const made = await withPublishedKeys(await createClient(act, given), deps)
      const created = given.fields.logoUri ? await withLogo(made, deps, act.now) : made
      const { clientSecret } = created
      return { ...created, once: clientSecret === null ? {} : { client_secret: clientSecret } }
    },
  }),
  clients.show({
    summary: 'Show a client',
    response: 'The client, without its secrets.',
    handle: ({ act, key }) => findClient(act, key),
  }),
  clients.change({
    method: 'PATCH',
    name: 'updateClient',
    summary: 'Change a client',
    description:
      'A list replaces the one before. Codes, refresh tokens and sessions that depend on a removed value end. What the metadata document of a client says is 409: only its author can change it.',
    body: named('ClientChange', CLIENT_UPDATE),
    bodyExample: { name: 'Reading list', disabled: false },
    problems: ['conflict'],
    async handle({ act, key, body, version }, deps) {
      const given = clientChangeIn(body)
      const made = await updateClient(act, key, given, version)
      const outcome = await withPublishedKeys(made, deps, given.fields.jwksUri !== undefined)
      return given.fields.logoUri ? withLogo(outcome, deps, act.now) : outcome
    },
  }),
  clients.change({
    method: 'DELETE',
    name: 'deleteClient',
    summary: 'Delete a client and end all that it has',
    response: 'The client as it was.',
    handle: ({ act, key, version }) => deleteClient(act, key, version),
  }),
]
