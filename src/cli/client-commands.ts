/** `client VERB …`: the commands and their options. */

import { Argument, type Command, Option } from 'commander'
import { readKeySet } from '../crypto/key-set.ts'
import { SELF_REGISTRATIONS } from '../domain/client.ts'
import { LISTING_STATES } from '../domain/directory.ts'
import { readText } from '../local/files.ts'
import { Refusal } from '../local/refusal.ts'
import { DECISION_REASON, LISTING_ACTS } from '../protocol/registration/client-decisions.ts'
import {
  CLIENT_FIELDS,
  CLIENT_LISTS,
  CLIENT_PERMISSIONS,
} from '../protocol/registration/client-fields.ts'
import type { Document } from './api.ts'
import {
  addVerbs,
  type CallVerb,
  callAction,
  changeOf,
  permissionsVerb,
  plainVerbs,
  updateOf,
  WITHIN,
} from './call-verbs.ts'
import { checkOverlapSeconds } from './input.ts'
import { listVerb, stateOf } from './list-verb.ts'
import { bodyOf, type Given, optionsOf, readGiven } from './options.ts'
import { type Io, plainOptions, refuseUsage, verb } from './verb.ts'

const CLIENTS = { path: '/clients', argument: '<id>', example: '5b0c…' } as const

const SOON = '/token applies it within CLIENT_CACHE_SECONDS.'
const TOKENS_END = `access tokens end ${WITHIN}.`
const ALL_ENDS = `Everything that was issued to it ends: refresh tokens and codes at once, access tokens ${WITHIN}.`

const optionsOfClient = (requestedOnlyHelp: string, isCreate = false) => [
  ...optionsOf(CLIENT_FIELDS, isCreate),
  ...plainOptions({
    '--jwks-file <file>': 'its public keys, read from a file',
  }),
  ...optionsOf(CLIENT_LISTS),
  new Option('--requested-only', requestedOnlyHelp),
]

type Options = Given & Readonly<{ jwks?: string; jwksFile?: string; requestedOnly?: boolean }>

/** The keys are read as a document, and not checked as text. */
async function keysIn({ jwks, jwksFile }: Options, command: Command): Promise<{ jwks?: unknown }> {
  if (jwks === undefined && jwksFile === undefined) return {}
  if (jwks !== undefined && jwksFile !== undefined) {
    refuseUsage(command, 'give either --jwks or --jwks-file')
  }
  const file = jwksFile ?? ''
  const text = jwks ?? (await readText(`--jwks-file ${JSON.stringify(file)}`, file))
  const read = await readKeySet(text)
  if (typeof read === 'string') throw new Refusal(`the JWK Set ${read}`)
  return { jwks: JSON.parse(text) as unknown }
}

async function readClient(options: Options, command: Command): Promise<object> {
  const keys = await keysIn(options, command)
  const fields = { ...CLIENT_FIELDS, ...CLIENT_LISTS }
  return { ...bodyOf(readGiven(fields, { ...options, jwks: undefined })), ...keys }
}

const requestedOnly = ({ requestedOnly }: Options) => requestedOnly && { requested_only: true }

const REGISTERING: readonly CallVerb[] = [
  {
    usage: 'create',
    description:
      'Register a client. Prints what is registered; with --json only the id and the secret. The secret is shown only once. Without --grant-type it gets ' +
      'client_credentials if it can authenticate, and authorization_code if it has a redirect URI.',
    example:
      '--name "Submission helper" --owner u-17 --scope "submission:read submission:create" --json',
    options: optionsOfClient(
      'note scopes, grant types and endorsements as requested, without authorizing them',
      true,
    ),
    async call(options: Options, command: Command) {
      const body = { ...(await readClient(options, command)), ...requestedOnly(options) }
      return { method: 'POST', path: CLIENTS.path, body }
    },
    printed: {
      json: ({ client_id, client_secret }) => ({
        client_id,
        ...(client_secret !== undefined && { client_secret }),
      }),
    },
  },
  {
    usage: 'update <id>',
    description:
      `Change a client. A list that is given replaces the old one; "" empties it. ${SOON} If the client loses anything, its ` +
      `${TOKENS_END} Refresh tokens stay good for what is left, unless it loses the grant type.`,
    example: `${CLIENTS.example} --redirect-uri https://app.example/callback --no-may-introspect`,
    options: optionsOfClient('the lists replace what is only requested, and authorize nothing'),
    async call(id: string, options: Options, command: Command) {
      const given = await readClient(options, command)
      const call = updateOf(CLIENTS, id, given, command)
      return { ...call, body: { ...given, ...requestedOnly(options) } }
    },
  },
]

const PERMISSIONS = {
  records: CLIENTS,
  fields: CLIENT_PERMISSIONS,
  needs: '--scope, --grant-type or --endorsement',
}

const KEEPING: readonly CallVerb[] = [
  permissionsVerb('authorize', PERMISSIONS, {
    description: `Give a client permissions, whether it requested them or not. ${SOON}`,
    example: `${CLIENTS.example} --scope upload:read_logs --endorsement "cs.* math.AG"`,
  }),
  permissionsVerb('withdraw', PERMISSIONS, {
    description:
      `Take permissions from a client, also those that it only requested. ${SOON} Its ${TOKENS_END} Refresh tokens stay good for ` +
      'what is left, unless authorization_code or refresh_token is withdrawn. What was only requested is declined.',
    example: `${CLIENTS.example} --scope submission:create --reason "A reading list does not submit."`,
    beside: { reason: DECISION_REASON },
  }),
  {
    usage: 'rotate-secret <id>',
    description:
      `Give a client a new secret, which is shown only once. ${SOON} Without an overlap its ${TOKENS_END} Refresh tokens ` +
      'stay; they need the new secret. Give no overlap if the secret has leaked.',
    example: `${CLIENTS.example} --overlap-seconds 86400`,
    options: [
      new Option('--overlap-seconds <n>', 'how long the old secret stays good').default('0'),
    ],
    call(id: string, { overlapSeconds }: { overlapSeconds: string }) {
      const body = { overlap_seconds: checkOverlapSeconds(overlapSeconds) }
      return changeOf(CLIENTS, id, { method: 'POST', below: '/secrets', body })
    },
  },
  {
    usage: 'revoke-registration-token <id>',
    description:
      'Revoke the registration access token of a client: it can no longer read, change or delete its registration. It still gets tokens.',
    example: CLIENTS.example,
    call: (id: string) => changeOf(CLIENTS, id, { method: 'DELETE', below: '/registration-token' }),
  },
  ...plainVerbs(CLIENTS, {
    show: 'Print one client, without secrets.',
    disable: `Issue no tokens to a client until it is enabled again. ${SOON} ${ALL_ENDS}`,
    enable: 'Issue tokens to a disabled client again. Nothing that ended comes back.',
    delete: `Remove a client with its secrets and remembered consents; prints what it was. ${ALL_ENDS}`,
  }),
]

const LISTING_WORDS = LISTING_ACTS.map((act) => act.replaceAll('_', '-'))

function addListing(noun: Command, io: Io) {
  verb(noun, {
    usage: 'listing <id>',
    description:
      'Decide whether a client is in the public directory. list and decline decide on what an owner asked for; decline also ' +
      'takes a client out. request and take-back are for an owner who asked you and does not use the portal.',
    example: `${CLIENTS.example} decline --reason "It is not finished yet."`,
    options: [new Option(DECISION_REASON.flags, `${DECISION_REASON.help}; only with decline`)],
  })
    .addArgument(new Argument('<act>', 'what to do').choices(LISTING_WORDS))
    .action(
      callAction(io, (id: string, act: string, { reason }: { reason?: string }) => {
        const body = { act: act.replaceAll('-', '_'), ...(reason !== undefined && { reason }) }
        return changeOf(CLIENTS, id, { method: 'POST', below: '/listing', body })
      }),
    )
}

type Filter = Readonly<{
  name?: string
  owner?: string
  kind?: string
  requests?: boolean
  listing?: string
}>

const FILTER_OPTIONS = [
  ...plainOptions({
    '--name <part>': 'only those whose name contains this, in any case',
    '--owner <id>': 'only those of this owner',
  }),
  new Option(
    '--kind <kind>',
    'only those that an operator registered, or that registered themselves by a document or by a request',
  ).choices(['operator', ...SELF_REGISTRATIONS]),
  ...plainOptions({
    '--requests': 'only those that requested something that is not authorized',
  }),
  new Option('--listing <state>', 'only those in this state in the public directory').choices(
    LISTING_STATES,
  ),
]

const kindOf = ({ self_registered }: Document) => String(self_registered ?? 'operator')

const requestsOf = ({ permissions }: Document) =>
  (
    permissions as readonly Readonly<{ requested_at: string; authorized_at: string | null }>[]
  ).filter(({ authorized_at }) => authorized_at === null)

/** The moment of the client's oldest request. */
const waitingSince = (document: Document) =>
  String(
    requestsOf(document)
      .map(({ requested_at }) => requested_at)
      .sort()[0],
  )

export function addClientCommands(program: Command, io: Io) {
  const noun = program.command('client').description('Clients: who may ask for tokens')
  addVerbs(noun, io, REGISTERING)
  listVerb<Filter>(noun, io, {
    description:
      'Print the clients in the order of their ids, a line each; with --json all but secrets. With --requests those that wait ' +
      'for a decision, the one with the oldest request first.',
    example: '--owner u-17 --name helper',
    path: CLIENTS.path,
    options: FILTER_OPTIONS,
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
  addListing(noun, io)
  addVerbs(noun, io, KEEPING)
}
