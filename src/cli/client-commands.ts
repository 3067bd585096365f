/** `client VERB …`: the commands and their options. */

import type { Command } from 'commander'
import {
  type ClientFilter,
  type ClientRecord,
  pageOfClientRecords,
} from '../stores/client-record.ts'
import type { ClientFields } from '../stores/client-registry.ts'
import { type Act, addActs, addListsVerbs, printAct, WITHIN } from './act.ts'
import { checkSeconds } from './checks.ts'
import * as clients from './client-verbs.ts'
import {
  addOptions,
  CLIENT_FIELDS,
  CLIENT_LISTS,
  CLIENT_PERMISSIONS,
  initialOf,
  readGiven,
} from './fields.ts'
import { withKeySet } from './input.ts'
import { listVerb, stateOf } from './list-verb.ts'
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

async function readClient(options: Options, command: Command, io: Io): Promise<clients.Given> {
  const fields = readGiven(CLIENT_FIELDS, await withKeySet(options, command, io))
  const lists = readGiven(CLIENT_LISTS, options)
  return { fields, lists, mode: options.requestedOnly ? 'request' : 'authorize' }
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
      const given = await readClient(options, command, io)
      // Commander has refused to go on without a required option.
      const fields = { ...initialOf(CLIENT_FIELDS), ...given.fields } as ClientFields
      const create = (act: Act) => clients.create(act, { ...given, fields })
      return printAct(command, io, create, async (db, created) => ({
        ...clients.clientDocument(await clients.findClient(db, created.client_id)),
        ...created,
      }))
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
      const given = await readClient(options, command, io)
      if (Object.keys({ ...given.fields, ...given.lists }).length === 0) {
        refuseUsage(command, 'there is nothing to update')
      }
      return printAct(command, io, (act) => clients.update(act, id, given))
    },
  )
}

function addPermissionVerbs(client: Command, io: Io) {
  const needs = '--scope, --grant-type or --endorsement'
  addListsVerbs(client, io, { fields: CLIENT_PERMISSIONS, needs }, [
    {
      name: 'authorize',
      description: `Give a client more, whether it was requested or not. ${SOON}`,
      example: `${EXAMPLE_ID} --scope upload:read_logs --endorsement "cs.* math.AG"`,
      work: clients.authorize,
    },
    {
      name: 'withdraw',
      description:
        `Take something from a client, including what it only requested. ${SOON} ${TOKENS_END} Refresh tokens stay good for ` +
        'what is left, unless authorization_code or refresh_token is withdrawn.',
      example: `${EXAMPLE_ID} --scope submission:create`,
      work: clients.withdraw,
    },
  ])
}

function addReading(client: Command, io: Io) {
  listVerb<ClientRecord, ClientFilter>(client, io, {
    description:
      'Print the clients in the order of their ids, a line each; with --json all but secrets.',
    example: '--owner u-17 --name helper',
    documentOf: clients.clientDocument,
    heads: ['client_id', 'name', 'owner_id', 'auth_method', 'state'],
    row: (one) => [one.clientId, one.name, one.ownerId, one.authMethod, stateOf(one)],
    readPage: pageOfClientRecords,
  })
    .option('--name <part>', 'only those whose name contains this, in any case')
    .option('--owner <id>', 'only those of this owner')
  verb(client, 'show <id>', 'Print one client, without secrets.', `show ${EXAMPLE_ID}`).action(
    (id: string, _options, command: Command) =>
      printRead(command, io, async (db) =>
        clients.clientDocument(await clients.findClient(db, id)),
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
      return printAct(command, io, (act) => clients.rotateSecret(act, id, seconds))
    })
  addActs(client, io, [
    {
      name: 'disable',
      description: `Issue no tokens to a client until it is enabled again. ${SOON} ${ALL_ENDS}`,
      example: EXAMPLE_ID,
      work: clients.disable,
    },
    {
      name: 'enable',
      description: 'Issue tokens to a disabled client again. Nothing that ended comes back.',
      example: EXAMPLE_ID,
      work: clients.enable,
    },
    {
      name: 'delete',
      description: `Remove a client with its secrets and remembered consents; prints what it was. ${ALL_ENDS}`,
      example: EXAMPLE_ID,
      work: clients.remove,
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
