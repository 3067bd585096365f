/** `client VERB …`: the commands and their options. */

import type { Command } from 'commander'
import { DEFAULT_AUTH_METHOD } from '../domain/client.ts'
import type { Database } from '../stores/database.ts'
import { type Act, answerAct, WITHIN } from './act.ts'
import { checkSeconds } from './checks.ts'
import {
  addFieldOptions,
  addPermissionOptions,
  addRedirectUriOption,
  type FieldOptions,
  type ListOptions,
  readFields,
  readLists,
} from './client-options.ts'
import {
  authorizeClient,
  createClient,
  deleteClient,
  disableClient,
  enableClient,
  pageOfClients,
  rotateSecret,
  showClient,
  updateClient,
  withdrawFromClient,
} from './client-verbs.ts'
import { type KeySetOptions, readKeySetOption } from './key-set-option.ts'
import { listVerb, stateOf } from './list-verb.ts'
import { noteStillCovered } from './still-covered.ts'
import { answer, type Io, note, refuseUsage, verb } from './verb.ts'

type RequestedOnly = Readonly<{ requestedOnly?: boolean }>
type Options = FieldOptions & ListOptions & KeySetOptions & RequestedOnly

const SOON = 'At /token this is noticed within CLIENT_CACHE_SECONDS.'
const TOKENS_END = `Access tokens issued before end ${WITHIN}.`
const ALL_ENDS = `All issued to it ends: refresh tokens and codes at once, access tokens ${WITHIN}.`

const modeOf = (options: RequestedOnly) => (options.requestedOnly ? 'request' : 'authorize')
const isEmpty = (given: object) => Object.keys(given).length === 0

function addWriting(client: Command, io: Io) {
  const create = verb(
    client,
    'create',
    'Register a client. Prints what is registered, with --json the id and the secret; the secret is shown this once. Without --grant-type it gets ' +
      'client_credentials if it can authenticate, and authorization_code if it has a redirect URI.',
    'create --name "Submission helper" --owner u-17 --scope "submission:read submission:create" --json',
  )
    .requiredOption('--name <name>', 'what users know it by')
    .requiredOption('--owner <id>', 'whose client it is: an id of your choice')
  addPermissionOptions(addRedirectUriOption(addFieldOptions(create)))
    .option(
      '--requested-only',
      'note scopes, grant types and endorsements as requested, without authorizing them',
    )
    .action(async (options: Options & { name: string; owner: string }, command: Command) => {
      const { name, owner } = options
      const fields = {
        url: '',
        description: '',
        authMethod: DEFAULT_AUTH_METHOD,
        requirePkce: false,
        requireDpop: false,
        jwks: null,
        mayIntrospect: false,
        accessTokenLifetimeSeconds: null,
        ...readFields(options),
        ...readRequired(name, owner),
        ...(await readKeySetOption(options, command, io)),
      }
      const lists = readLists(options)
      const create = (db: Database, act: Act) =>
        createClient(db, fields, lists, modeOf(options), act)
      return answerAct(command, io, create, async (db, created) => ({
        ...(await showClient(db, created.client_id)),
        ...created,
      }))
    })

  const update = verb(
    client,
    'update <id>',
    `Change a client. A list that is given replaces the old one; "" empties it. ${SOON} If it loses anything by this: ` +
      `${TOKENS_END} Refresh tokens stay good for what is left, unless it loses the grant type.`,
    'update 5b0c… --redirect-uri https://app.example/callback --no-may-introspect',
  )
    .option('--name <name>', 'what users know it by')
    .option('--owner <id>', 'whose client it is')
  addPermissionOptions(addRedirectUriOption(addFieldOptions(update)))
    .option('--no-require-pkce', 'accept its authorization requests without PKCE')
    .option('--no-require-dpop', 'accept its token requests without a DPoP proof')
    .option('--no-may-introspect', 'do not let it ask about the tokens of others')
    .option('--requested-only', 'the lists replace what is merely requested, and authorize nothing')
    .action(async (id: string, options: Options, command: Command) => {
      const fields = { ...readFields(options), ...(await readKeySetOption(options, command, io)) }
      const lists = readLists(options)
      if (isEmpty(fields) && isEmpty(lists)) refuseUsage(command, 'there is nothing to update')
      const hint = (line: string) => note(io, line)
      return answerAct(command, io, (db, act) =>
        updateClient(db, id, fields, lists, modeOf(options), act, hint),
      )
    })
}

const readRequired = (name: string, owner: string) => {
  const { name: checkedName = '', ownerId = '' } = readFields({ name, owner })
  return { name: checkedName, ownerId }
}

function addPermitting(client: Command, io: Io) {
  const authorize = verb(
    client,
    'authorize <id>',
    `Give a client more, whether it was requested or not. ${SOON}`,
    'authorize 5b0c… --scope upload:read_logs --endorsement "cs.* math.AG"',
  )
  const withdraw = verb(
    client,
    'withdraw <id>',
    `Take something from a client, also what it merely requested. ${SOON} ${TOKENS_END} Refresh tokens stay good for ` +
      'what is left, unless authorization_code or refresh_token is withdrawn.',
    'withdraw 5b0c… --scope submission:create',
  )
  const listsOf = (options: ListOptions, command: Command) => {
    const lists = readLists(options)
    if (isEmpty(lists)) {
      refuseUsage(command, 'name at least one --scope, --grant-type or --endorsement')
    }
    return lists
  }
  addPermissionOptions(authorize).action((id: string, options: ListOptions, command: Command) => {
    const lists = listsOf(options, command)
    return answerAct(command, io, (db, act) => authorizeClient(db, id, lists, act))
  })
  addPermissionOptions(withdraw).action((id: string, options: ListOptions, command: Command) => {
    const lists = listsOf(options, command)
    return answerAct(command, io, async (db, act) => {
      const done = await withdrawFromClient(db, id, lists, act)
      noteStillCovered(io, lists, done.document)
      return done
    })
  })
}

function addKeeping(client: Command, io: Io) {
  listVerb(client, io, {
    description:
      'Print the clients in the order of their ids, a line each; with --json all but secrets.',
    example: '--owner u-17 --name helper',
    idOf: (one) => one.client_id,
    heads: ['client_id', 'name', 'owner_id', 'auth_method', 'state'],
    row: (one) => [one.client_id, one.name, one.owner_id, one.auth_method, stateOf(one)],
    readPage: pageOfClients,
  })
    .option('--name <part>', 'those with this in their name, whatever the case')
    .option('--owner <id>', 'those of this owner')
  verb(client, 'show <id>', 'Print one client, without secrets.', 'show 5b0c…').action(
    (id: string, _options, command: Command) => answer(command, io, (db) => showClient(db, id)),
  )
  verb(
    client,
    'rotate-secret <id>',
    `Give a client a new secret, shown this once. ${SOON} Without an overlap: ${TOKENS_END} Refresh tokens stay; they ` +
      'need the new secret.',
    'rotate-secret 5b0c… --overlap-seconds 86400',
  )
    .option('--overlap-seconds <n>', 'how long the old secret stays good', '0')
    .action((id: string, options: { overlapSeconds: string }, command: Command) => {
      const seconds = checkSeconds('--overlap-seconds', options.overlapSeconds)
      return answerAct(command, io, (db, act) => rotateSecret(db, id, seconds, act))
    })
  verb(
    client,
    'disable <id>',
    `Give a client no more tokens, until it is enabled again. ${SOON} ${ALL_ENDS}`,
    'disable 5b0c…',
  ).action((id: string, _options, command: Command) =>
    answerAct(command, io, (db, act) => disableClient(db, id, act)),
  )
  verb(
    client,
    'enable <id>',
    'Let a disabled client have tokens again. Nothing that ended is revived.',
    'enable 5b0c…',
  ).action((id: string, _options, command: Command) =>
    answerAct(command, io, (db, act) => enableClient(db, id, act)),
  )
  verb(
    client,
    'delete <id>',
    `Remove a client with its secrets and remembered consents; prints what it was. ${ALL_ENDS}`,
    'delete 5b0c…',
  ).action((id: string, _options, command: Command) =>
    answerAct(command, io, (db, act) => deleteClient(db, id, act)),
  )
}

export function addClientCommands(program: Command, io: Io) {
  const client = program.command('client').description('API clients: who may ask for tokens')
  addWriting(client, io)
  addPermitting(client, io)
  addKeeping(client, io)
}
