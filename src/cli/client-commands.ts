/** `client VERB …`: the commands and their options. */

import { type Command, Option } from 'commander'
import { readKeySet } from '../crypto/key-set.ts'
import { SELF_REGISTRATIONS } from '../domain/client.ts'
import { LISTING_STATES } from '../domain/directory.ts'
import { Refusal } from '../local/refusal.ts'
import {
  CLIENT_FIELDS,
  CLIENT_LISTS,
  CLIENT_PERMISSIONS,
} from '../protocol/registration/client-fields.ts'
import { DECISION_REASON } from '../protocol/registration/client-permission-change.ts'
import { ANY_VERSION, addActs, addListsVerbs, type Document, printChange, WITHIN } from './act.ts'
import { type Call, pathOf } from './api.ts'
import { checkSeconds } from './checks.ts'
import { readKeys } from './input.ts'
import { listVerb, stateOf } from './list-verb.ts'
import { addListing } from './listing-command.ts'
import { addOptions, bodyOf, readGiven } from './options.ts'
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

/** The keys are a document, and no word to check as one. */
async function keysIn(options: Options, command: Command): Promise<{ jwks?: unknown }> {
  const text = await readKeys(options, command)
  if (text === undefined) return {}
  const read = await readKeySet(text)
  if (typeof read === 'string') throw new Refusal(`the JWK Set ${read}`)
  return { jwks: JSON.parse(text) as unknown }
}

/** The members that were given. */
async function readClient(options: Options, command: Command): Promise<Record<string, unknown>> {
  const jwks = await keysIn(options, command)
  const fields = readGiven(CLIENT_FIELDS, { ...options, jwks: undefined })
  return { ...bodyOf(fields), ...jwks, ...bodyOf(readGiven(CLIENT_LISTS, options)) }
}

const requestedOnly = ({ requestedOnly }: Options) => requestedOnly && { requested_only: true }

const change = (id: string, body: object): Call => ({
  method: 'PATCH',
  path: pathOf`/clients/${id}`,
  ...ANY_VERSION,
  body,
})

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
      const body = { ...(await readClient(options, command)), ...requestedOnly(options) }
      const document = ({ client_id, client_secret }: Document) => ({
        client_id,
        ...(client_secret !== undefined && { client_secret }),
      })
      return printChange(
        command,
        io,
        { method: 'POST', path: '/clients', body },
        { document, forPeople: (created) => created },
      )
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
      if (Object.keys(given).length === 0) refuseUsage(command, 'there is nothing to update')
      return printChange(command, io, change(id, { ...given, ...requestedOnly(options) }))
    },
  )
}

function addPermissionVerbs(client: Command, io: Io) {
  const permissions = {
    fields: CLIENT_PERMISSIONS,
    needs: '--scope, --grant-type or --endorsement',
    callOf: (id: string) => ({
      method: 'POST' as const,
      path: pathOf`/clients/${id}/permissions`,
      ...ANY_VERSION,
    }),
  }
  addListsVerbs(client, io, permissions, [
    {
      name: 'authorize',
      description: `Give a client more, whether it was requested or not. ${SOON}`,
      example: `${EXAMPLE_ID} --scope upload:read_logs --endorsement "cs.* math.AG"`,
    },
    {
      name: 'withdraw',
      description:
        `Take something from a client, including what it only requested. ${SOON} ${TOKENS_END} Refresh tokens stay good for ` +
        'what is left, unless authorization_code or refresh_token is withdrawn. What was only requested is declined.',
      example: `${EXAMPLE_ID} --scope submission:create --reason "A reading list does not submit."`,
      beside: { reason: DECISION_REASON },
    },
  ])
}

type Filter = Readonly<{
  name?: string
  owner?: string
  kind?: string
  requests?: boolean
  listing?: string
}>

/** Who registered it, as `--kind` takes it. */
const kindOf = ({ self_registered }: Document) => String(self_registered ?? 'operator')

const requestsOf = ({ permissions }: Document) =>
  (
    permissions as readonly Readonly<{ requested_at: string; authorized_at: string | null }>[]
  ).filter(({ authorized_at }) => authorized_at === null)

/** The moment of the oldest request. */
const waitingSince = (document: Document) =>
  String(
    requestsOf(document)
      .map(({ requested_at }) => requested_at)
      .sort()[0],
  )

function addReading(client: Command, io: Io) {
  listVerb<Filter>(client, io, {
    description:
      'Print the clients in the order of their ids, a line each; with --json all but secrets. With --requests those that wait ' +
      'for a decision, the one with the oldest request first.',
    example: '--owner u-17 --name helper',
    path: '/clients',
    queryOf: ({ name, owner, kind, requests, listing }) => ({
      ...{ name, owner_id: owner, kind, listing },
      has_requests: requests ? 'true' : undefined,
    }),
    columns: ({ requests }) => [
      ...['client_id', 'name', 'kind', 'owner_id'],
      ...(requests ? ['waiting_since', 'requests'] : ['auth_method', 'state']),
    ],
    valuesOf: {
      ...{ state: stateOf, kind: kindOf, waiting_since: waitingSince },
      requests: (document) => String(requestsOf(document).length),
    },
  })
    .option('--name <part>', 'only those whose name contains this, in any case')
    .option('--owner <id>', 'only those of this owner')
    .addOption(
      new Option(
        '--kind <kind>',
        'only those that an operator registered, or that registered themselves by a document or by a request',
      ).choices(['operator', ...SELF_REGISTRATIONS]),
    )
    .option('--requests', 'only those that requested something that is not authorized')
    .addOption(
      new Option('--listing <state>', 'only those in this state in the public directory').choices(
        LISTING_STATES,
      ),
    )
  verb(client, 'show <id>', 'Print one client, without secrets.', `show ${EXAMPLE_ID}`).action(
    (id: string, _options, command: Command) =>
      printRead(command, io, { method: 'GET', path: pathOf`/clients/${id}` }),
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
      return printChange(command, io, {
        method: 'POST',
        path: pathOf`/clients/${id}/secrets`,
        ...ANY_VERSION,
        body: { overlap_seconds: seconds },
      })
    })
  addActs(client, io, [
    {
      name: 'disable',
      description: `Issue no tokens to a client until it is enabled again. ${SOON} ${ALL_ENDS}`,
      example: EXAMPLE_ID,
      callOf: (id) => change(id, { disabled: true }),
    },
    {
      name: 'enable',
      description: 'Issue tokens to a disabled client again. Nothing that ended comes back.',
      example: EXAMPLE_ID,
      callOf: (id) => change(id, { disabled: false }),
    },
    {
      name: 'revoke-registration-token',
      description:
        'Let a client that registered itself no longer read, change or delete its registration. It still gets tokens.',
      example: EXAMPLE_ID,
      callOf: (id) => ({
        method: 'DELETE',
        path: pathOf`/clients/${id}/registration-token`,
        ...ANY_VERSION,
      }),
    },
    {
      name: 'delete',
      description: `Remove a client with its secrets and remembered consents; prints what it was. ${ALL_ENDS}`,
      example: EXAMPLE_ID,
      callOf: (id) => ({ method: 'DELETE', path: pathOf`/clients/${id}`, ...ANY_VERSION }),
    },
  ])
}

export function addClientCommands(program: Command, io: Io) {
  const client = program.command('client').description('API clients: who may ask for tokens')
  addCreate(client, io)
  addUpdate(client, io)
  addPermissionVerbs(client, io)
  addListing(client, io, EXAMPLE_ID)
  addReading(client, io)
  addKeeping(client, io)
}
