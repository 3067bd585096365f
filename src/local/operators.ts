/**
 * The clients of operators, and the credential of one operator. `npm run deploy` makes them in a deployed database. `npm
 * start` makes them in a local state and repairs a credential there, because on its own machine the credential must always
 * give access.
 */

import { join } from 'node:path'
import { hexDigest } from '../crypto/digest.ts'
import { mintToken } from '../crypto/token.ts'
import { type ClientRecord, isEnabled, liveCredentials, usesSecret } from '../domain/client.ts'
import type { SecretDigest } from '../domain/ids.ts'
import { clientFields } from '../domain/registration.ts'
import { ADMIN_SCOPE, REGISTRY_SCOPES } from '../domain/registry-scopes.ts'
import type { RegistrationPorts } from '../stores/registration.ts'
import type { Authorship, ClientChange, Detail, NewClient } from '../stores/registration-ports.ts'
import { jsonIn, readIfPresent, writePrivateFile } from './files.ts'
import { Refusal } from './refusal.ts'

/** The client with a secret by which programs administer. `npm run deploy` adds a random part to the id. */
export const OPERATOR_ID = 'registry-operator'
/** The client by which people administer: `npm run admin -- login`. */
export const COMMAND_LINE_ID = 'registry-command-line'

/** RFC 8252 §7.3: the port is chosen when the request is made. */
export const LOGIN_REDIRECT_URI = 'http://127.0.0.1/callback'

const OWNER = 'registry'
export const operatorClient = (clientId: string, secretDigest: SecretDigest): NewClient => ({
  clientId,
  fields: clientFields({
    name: 'Operator of this registry',
    ownerId: OWNER,
    description: 'Administers the registry, with a secret.',
  }),
  lists: { scopes: [ADMIN_SCOPE], grantTypes: ['client_credentials'] },
  mode: 'authorize',
  secretDigest,
})

/** The client is public: it may do what the signed-in person may do. */
export const COMMAND_LINE_CLIENT: NewClient = {
  clientId: COMMAND_LINE_ID,
  fields: clientFields({
    name: 'Command line of this registry',
    ownerId: OWNER,
    description: 'Administers the registry for the person who signed in.',
    authMethod: 'none',
    requirePkce: true,
    requireDpop: true,
  }),
  lists: {
    scopes: REGISTRY_SCOPES,
    grantTypes: ['authorization_code', 'refresh_token'],
    redirectUris: [LOGIN_REDIRECT_URI],
  },
  mode: 'authorize',
  secretDigest: null,
}

export type OperatorCredential = Readonly<{ clientId: string; clientSecret: string }>

/** The file is for its owner alone: anyone who can read it can administer the registry. */
export async function writeCredential(
  file: string,
  { clientId, clientSecret }: OperatorCredential,
): Promise<void> {
  const text = JSON.stringify({ client_id: clientId, client_secret: clientSecret })
  await writePrivateFile(file, `${text}\n`)
}

const isText = (value: unknown) => typeof value === 'string' && value !== ''

/** Null if there is no such file. Throws a Refusal for a file of another form; the message contains none of its text. */
export async function readCredential(file: string): Promise<OperatorCredential | null> {
  const text = await readIfPresent(file)
  if (text === null) return null
  const { client_id: clientId, client_secret: clientSecret } = Object(jsonIn(text))
  if (isText(clientId) && isText(clientSecret)) return { clientId, clientSecret }
  throw new Refusal(`${file} is not a credential: it needs client_id and client_secret`)
}

/** The detail that the audit has of a new operator, as of any client. */
export const auditDetailOf = ({ fields, lists }: NewClient) => ({
  name: fields.name,
  owner_id: fields.ownerId,
  auth_method: fields.authMethod,
  scopes: lists.scopes,
  grant_types: lists.grantTypes,
})

const ACTOR = 'npm start'

export const credentialFile = (stateDir: string) => join(stateDir, 'operator.json')

type Step = ClientChange & Readonly<{ detail?: Detail }>

/** The changes that make the client usable with this secret; none if it is usable already. */
function repairs(client: ClientRecord, secretDigest: SecretDigest, now: number): Step[] {
  const wanted = operatorClient(OPERATOR_ID, secretDigest)
  const { scopes = [], grantTypes = [] } = wanted.lists
  const isAllowed =
    scopes.every((scope) => client.scopes.includes(scope)) &&
    grantTypes.every((one) => client.grantTypes.some((held) => held === one))
  const isLive = liveCredentials(client, now).some((one) => one.secretDigest === secretDigest)
  const { authMethod } = wanted.fields
  const steps: Step[] = []
  if (!usesSecret(client.authMethod) || client.requireDpop) {
    const fields = { authMethod, requireDpop: false }
    const detail = { auth_method: authMethod, require_dpop: false }
    steps.push({ kind: 'update', fields, lists: {}, mode: 'authorize', detail })
  }
  if (!isAllowed) {
    const detail = { scopes, grant_types: grantTypes }
    steps.push({ kind: 'authorize', lists: wanted.lists, detail })
  }
  if (!isLive) {
    const detail = { overlap_seconds: 0 }
    steps.push({ kind: 'rotate_secret', secretDigest, overlapSeconds: 0, detail })
  }
  if (!isEnabled(client)) steps.push({ kind: 'enable' })
  return steps
}

/** A file that is lost, or damaged by a crash or a person, is replaced. */
async function credentialFor(stateDir: string): Promise<OperatorCredential> {
  const file = credentialFile(stateDir)
  const kept = await readCredential(file).catch((fault: unknown) => {
    if (fault instanceof Refusal) return null
    throw fault
  })
  if (kept?.clientId === OPERATOR_ID) return kept
  const made = { clientId: OPERATOR_ID, clientSecret: mintToken('clientSecret') }
  await writeCredential(file, made)
  return made
}

async function prepareOperator(
  { clients, revocations }: Ports,
  stateDir: string,
  by: Authorship,
): Promise<void> {
  const { clientSecret } = await credentialFor(stateDir)
  const secretDigest = await hexDigest(clientSecret)
  const known = await clients.find(OPERATOR_ID)
  if (!known) {
    const client = operatorClient(OPERATOR_ID, secretDigest)
    await clients.create(client, by, auditDetailOf(client))
    return
  }
  const steps = repairs(known, secretDigest, by.now)
  if (steps.length === 0) return
  const changed = await clients.change(known, steps, by)
  if (changed.kind === 'changed' && changed.hasEnded) await revocations.showInKv()
}

type Ports = Pick<RegistrationPorts, 'clients' | 'revocations'>

/** The caller holds the state's lock, so that no other process changes the operators meanwhile. */
export async function prepareOperators(ports: Ports, stateDir: string, now: number): Promise<void> {
  const by = { actor: ACTOR, now }
  await prepareOperator(ports, stateDir, by)
  if (await ports.clients.find(COMMAND_LINE_CLIENT.clientId)) return
  await ports.clients.create(COMMAND_LINE_CLIENT, by, auditDetailOf(COMMAND_LINE_CLIENT))
}
