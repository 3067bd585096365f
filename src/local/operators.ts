/** The clients of operators: `npm start` makes them in a local state, `npm run deploy` in a deployed database. */

import { DEFAULT_AUTH_METHOD, NO_DETAILS } from '../domain/client.ts'
import type { SecretDigest } from '../domain/ids.ts'
import { ADMIN_SCOPE, REGISTRY_SCOPES } from '../domain/registry-scopes.ts'
import type { NewClient } from '../stores/registration-ports.ts'
import { jsonIn, readIfPresent, writePrivateFile } from './files.ts'
import { Refusal } from './refusal.ts'

/** Programs administer with it, with a secret. `npm run deploy` adds a random part. */
export const OPERATOR_ID = 'registry-operator'
/** People administer with it: `npm run admin -- login`. */
export const COMMAND_LINE_ID = 'registry-command-line'

/** RFC 8252 §7.3: the port is chosen at the time of the request. */
export const LOGIN_REDIRECT_URI = 'http://127.0.0.1/callback'

const OWNER = 'registry'
const FIELDS = {
  ...NO_DETAILS,
  ownerId: OWNER,
  url: '',
  jwks: null,
  mayIntrospect: false,
  accessTokenLifetimeSeconds: null,
} as const

export const operatorClient = (clientId: string, secretDigest: SecretDigest): NewClient => ({
  clientId,
  fields: {
    ...FIELDS,
    name: 'Operator of this registry',
    description: 'Administers the registry, with a secret.',
    authMethod: DEFAULT_AUTH_METHOD,
    requirePkce: false,
    requireDpop: false,
  },
  lists: { scopes: [ADMIN_SCOPE], grantTypes: ['client_credentials'] },
  mode: 'authorize',
  secretDigest,
})

/** Public: what it may do is what the person who signs in holds. */
export const COMMAND_LINE_CLIENT: NewClient = {
  clientId: COMMAND_LINE_ID,
  fields: {
    ...FIELDS,
    name: 'Command line of this registry',
    description: 'Administers the registry for the person who signed in.',
    authMethod: 'none',
    requirePkce: true,
    requireDpop: true,
  },
  lists: {
    scopes: REGISTRY_SCOPES,
    grantTypes: ['authorization_code', 'refresh_token'],
    redirectUris: [LOGIN_REDIRECT_URI],
  },
  mode: 'authorize',
  secretDigest: null,
}

export type OperatorCredential = Readonly<{ clientId: string; clientSecret: string }>

/** For its owner alone: anyone who can read it can administer the registry. */
export async function writeCredential(
  file: string,
  { clientId, clientSecret }: OperatorCredential,
): Promise<void> {
  const text = JSON.stringify({ client_id: clientId, client_secret: clientSecret })
  await writePrivateFile(file, `${text}\n`)
}

const isText = (value: unknown) => typeof value === 'string' && value !== ''

/** Null if there is no such file. Throws a Refusal for a file of another form; none of its text is in the message. */
export async function readCredential(file: string): Promise<OperatorCredential | null> {
  const text = await readIfPresent(file)
  if (text === null) return null
  const { client_id: clientId, client_secret: clientSecret } = Object(jsonIn(text))
  if (isText(clientId) && isText(clientSecret)) return { clientId, clientSecret }
  throw new Refusal(`${file} is not a credential: it needs client_id and client_secret`)
}

/** What the audit says of a new one, as of any client. */
export const auditDetailOf = ({ fields, lists }: NewClient) => ({
  name: fields.name,
  owner_id: fields.ownerId,
  auth_method: fields.authMethod,
  scopes: lists.scopes,
  grant_types: lists.grantTypes,
})
