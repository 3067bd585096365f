/** `client VERB …`: the commands and their options. */

import type { Command } from 'commander'
import type { ClientFields, ClientRecord } from '../domain/client.ts'
import type { Outcome } from '../flows/registration/change.ts'
import * as clients from '../flows/registration/clients.ts'
import {
  CLIENT_FIELDS,
  CLIENT_LISTS,
  CLIENT_PERMISSIONS,
  clientDocument,
  type GivenClient,
} from '../protocol/registration/client-fields.ts'
import { initialOf } from '../protocol/registration/field.ts'
import { clientReader } from '../stores/client-registry.ts'
import type { ClientFilter } from '../stores/registration-ports.ts'
import { type Act, actVerbs, printAct, WITHIN } from './act.ts'
import { checkSeconds } from './checks.ts'
import { readKeys } from './input.ts'
import { listVerb, stateOf } from './list-verb.ts'
import { addOptions, readGiven } from './options.ts'
import { type Io, printRead, refuseUsage, verb } from './verb.ts'

type Options = Readonly<{ jwks?: string; jwksFile?: string; requestedOnly?: boolean }>

const SOON = '/token applies it within CLIENT_CACHE_SECONDS.'
const TOKENS_END = `Earlier access tokens end ${WITHIN}.`
const ALL_ENDS = `Everything that was issued to it ends: refresh tokens and codes at once, access tokens ${WITHIN}.`
const EXAMPLE_ID = '5b0c…'

function addClientOptions(command: Command, requestedOnlyHelp: string, isCreate = false) {
  addOptions(command, CLIENT_FIELDS, isCreate).option(
    '--jwks-file <file>',
    'its public keys, read from a file',
  )
  return addOptions(command, CLIENT_LISTS).option('--requested-only', requestedOnlyHelp)
}

async function readClient(options: Options, command: Command): Promise<GivenClient> {
  const jwks = await readKeys(options, command)
  // The keys are a document, and no word to check as one.
  const fields = readGiven(CLIENT_FIELDS, { ...options, jwks: undefined })
  return {
    fields: { ...fields, ...(jwks !== undefined && { jwks }) },
    lists: readGiven(CLIENT_LISTS, options),
    mode: options.requestedOnly ? 'request' : 'authorize',
  }
}

const PRINTED = {
  document: ({ record }: Outcome<ClientRecord>) => clientDocument(record),
}

function addCreate(client: Command, io: Io) {
  const create = verb(
    client,
    'create',
    'Register a client. Prints what is registered; with --json only the id and the secret. The secret is shown only once. Without --grant-type it gets ' +
      'client_credentials if it can authenticate, and authorization_code if it has a redirect URI.',
    'create --name "Submission helper" --owner u-17 --scope "submission:read submission:create" --json',
  )
  const requestedOnlyHelp =
    'note scopes, grant types and endorsements as requested, without authorizing them'
  addClientOptions(create, requestedOnlyHelp, true).action(
    async (options: Options, command: Command) => {
      const given = await readClient(options, command)
      // Commander has refused to go on without a required option.
      const fields = { ...initialOf(CLIENT_FIELDS), ...given.fields } as ClientFields
      const create = (act: Act) => clients.createClient(act, { ...given, fields, clientId: null })
      const document = ({ record, clientSecret }: clients.CreatedClient) => ({
        client_id: record.clientId,
        ...(clientSecret !== null && { client_secret: clientSecret }),
      })
      const forPeople = (created: clients.CreatedClient) => ({
        ...clientDocument(created.record),
        ...document(created),
      })
      return printAct(command, io, create, { document, forPeople })
    },
  )
}

function addUpdate(client: Command, io: Io) {
  const update = verb(
    client,
    'update <id>',
    `Change a client. A list that is given replaces the old one; "" empties it. ${SOON} If the client loses anything: ` +
      `${TOKENS_END} Refresh tokens stay good for what is left, unless it loses the grant type.`,
    `update ${EXAMPLE_ID} --redirect-uri https://app.example/callback --no-may-introspect`,
  )
  const requestedOnlyHelp = 'the lists replace what is only requested, and authorize nothing'
  addClientOptions(update, requestedOnlyHelp).action(
    async (id: string, options: Options, command: Command) => {
      const given = await readClient(options, command)
      if (Object.keys({ ...given.fields, ...given.lists }).length === 0) {
        refuseUsage(command, 'there is nothing to update')
      }
      const change = { ...given, isDisabled: undefined }
      return printAct(command, io, (act) => clients.updateClient(act, id, change), PRINTED)
    },
  )
}

function addPermissionVerbs(client: Command, io: Io) {
  const needs = '--scope, --grant-type or --endorsement'
  actVerbs(client, io, PRINTED).addListsVerbs({ fields: CLIENT_PERMISSIONS, needs }, [
    {
      name: 'authorize',
      description: `Give a client more, whether it was requested or not. ${SOON}`,
      example: `${EXAMPLE_ID} --scope upload:read_logs --endorsement "cs.* math.AG"`,
      work: clients.authorizeClient,
    },
    {
      name: 'withdraw',
      description:
        `Take something from a client, including what it only requested. ${SOON} ${TOKENS_END} Refresh tokens stay good for ` +
        'what is left, unless authorization_code or refresh_token is withdrawn.',
      example: `${EXAMPLE_ID} --scope submission:create`,
      work: clients.withdrawFromClient,
    },
  ])
}

function addReading(client: Command, io: Io) {
  listVerb<ClientRecord, ClientFilter>(client, io, {
    description:
      'Print the clients in the order of their ids, a line each; with --json all but secrets.',
    example: '--owner u-17 --name helper',
    documentOf: clientDocument,
    heads: ['client_id', 'name', 'owner_id', 'auth_method', 'state'],
    row: (one) => [one.clientId, one.name, one.ownerId, one.authMethod, stateOf(one)],
    readPage: (db, after, rows, filter) => clientReader(db).page(after, rows, filter),
  })
    .option('--name <part>', 'only those whose name contains this, in any case')
    .option('--owner <id>', 'only those of this owner')
  verb(client, 'show <id>', 'Print one client, without secrets.', `show ${EXAMPLE_ID}`).action(
    (id: string, _options, command: Command) =>
      printRead(command, io, async (db) =>
        clientDocument(await clients.findClient({ ports: { clients: clientReader(db) } }, id)),
      ),
  )
}

function addKeeping(client: Command, io: Io) {
  verb(
    client,
    'rotate-secret <id>',
    `Give a client a new secret, which is shown only once. ${SOON} Without an overlap: ${TOKENS_END} Refresh tokens stay; they ` +
      'need the new secret.',
    `rotate-secret ${EXAMPLE_ID} --overlap-seconds 86400`,
  )
    .option('--overlap-seconds <n>', 'how long the old secret stays good', '0')
    .action((id: string, options: { overlapSeconds: string }, command: Command) => {
      const seconds = checkSeconds(options.overlapSeconds, '--overlap-seconds')
      const rotate = (act: Act) => clients.rotateSecret(act, id, seconds)
      return printAct(command, io, rotate, {
        document: ({ clientSecret }) => ({ client_secret: clientSecret }),
      })
    })
  actVerbs(client, io, PRINTED).addActs([
    {
      name: 'disable',
      description: `Issue no tokens to a client until it is enabled again. ${SOON} ${ALL_ENDS}`,
      example: EXAMPLE_ID,
      work: clients.disableClient,
    },
    {
      name: 'enable',
      description: 'Issue tokens to a disabled client again. Nothing that ended comes back.',
      example: EXAMPLE_ID,
      work: clients.enableClient,
    },
    {
      name: 'delete',
      description: `Remove a client with its secrets and remembered consents; prints what it was. ${ALL_ENDS}`,
      example: EXAMPLE_ID,
      work: clients.deleteClient,
    },
  ])
}

export function addClientCommands(program: Command, io: Io) {
  const client = program.command('client').description('API clients: who may ask for tokens')
  addCreate(client, io)
  addUpdate(client, io)
  addPermissionVerbs(client, io)
  addReading(client, io)
  addKeeping(client, io)
}
