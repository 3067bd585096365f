/** Client authentication (RFC 6749 §2.3, §3.2.1, RFC 7523 §3.2): is this the client that it says it is? */

import { equalInConstantTime, hexDigest } from '../crypto/digest.ts'
import {
  acceptsMethod,
  type Client,
  type Credential,
  canBeGuessed,
  isEnabled,
  isPublic,
  liveCredentials,
} from '../domain/client.ts'
import { whyNotAdmitted } from '../domain/client-document.ts'
import type { SecretDigest } from '../domain/ids.ts'
import {
  invalidClient,
  ownerOfAssertion,
  type PresentedClient,
  verifyAssertion,
} from '../protocol/client-authentication.ts'
import { OAuthError } from '../protocol/errors.ts'
import type { ReadWithClient } from '../stores/clients.ts'
import type { UsedOnce } from '../stores/spending-ports.ts'
import type { Deps, RequestContext } from './deps.ts'

export type ClientDeps = Pick<
  Deps,
  'clients' | 'clientDocuments' | 'usedJtis' | 'issuer' | 'checking'
>

/** None of the client's keys that are kept verifies its assertion. It may have others by now. */
export class UnverifiedAssertion extends OAuthError {
  readonly client: Client

  constructor({ code, description, detail }: OAuthError, client: Client) {
    super(code, description, { detail })
    this.client = client
  }
}

/** The client, authenticated on the primary's record. Throws `invalid_client`. */
export async function authenticateClient(
  presented: PresentedClient,
  deps: ClientDeps,
  context: RequestContext,
  alsoRead: ReadWithClient = {},
): Promise<Client> {
  const record = await deps.clients.findFresh(presented.clientId, alsoRead)
  return authenticateOn({ presented, record, isJustRead: true }, deps, context)
}

/** What is authenticated, and on which record of the client. `record` null: there is no such client. */
type PresentedOnRecord = Readonly<{
  presented: PresentedClient
  record: Client | null
  /** Not kept from an earlier request. */
  isJustRead: boolean
}>

/**
 * Throws `invalid_client`, the same for every cause. A secret is digested whether or not there is a client to compare it
 * with, so that an unknown id takes as long as a wrong secret.
 */
export async function authenticateOn(
  { presented, record, isJustRead }: PresentedOnRecord,
  deps: ClientDeps,
  context: RequestContext,
): Promise<Client> {
  const secretDigest = 'secret' in presented ? await hexDigest(presented.secret) : null
  const client = requireAdmitted(record, presented, deps)
  deps.checking?.('assertion' in presented ? 'assertion' : 'secret')
  if ('secret' in presented && canBeGuessed(presented.secret)) throw invalidClient(TOO_WEAK)
  const id = 'assertion' in presented ? await verified(presented, client, deps, context.now) : null
  const credential =
    secretDigest === null ? null : requireCredential(client, secretDigest, context.now)
  requireSomeGrant(client, deps)
  if (id !== null) await requireFirstUse(presented, id, deps)
  if (isJustRead) recordUse(client, credential, deps, context)
  return client
}

function requireAdmitted(
  client: Client | null,
  { method }: PresentedClient,
  { clientDocuments, checking }: Pick<Deps, 'clientDocuments' | 'checking'>,
): Client {
  checking?.('client')
  if (!client) throw invalidClient('unknown client')
  if (!isEnabled(client)) throw invalidClient('disabled client')
  const notAdmitted = whyNotAdmitted(client.clientId, client, clientDocuments)
  if (notAdmitted !== null) throw invalidClient(notAdmitted)
  checking?.('auth_method')
  if (acceptsMethod(client.authMethod, method)) return client
  throw invalidClient(`registered for ${client.authMethod}, used ${method}`)
}

/** Anybody can register such a client. It gets nothing before an operator approves it, so nothing is written for it. */
function requireSomeGrant(
  { selfRegistered, grantTypes, mayIntrospect }: Client,
  { checking }: Pick<Deps, 'checking'>,
) {
  if (selfRegistered === null || grantTypes.length > 0 || mayIntrospect) return
  checking?.('grant_type_approved')
  throw new OAuthError('unauthorized_client', 'The client waits for approval.', {
    detail: 'the client registered itself, and has no grant type yet',
  })
}

/** Whether a request is the first use of its assertion is asked once, although it may be verified on several records. */
const firstUses = new WeakMap<PresentedClient, Promise<boolean>>()

async function requireFirstUse(
  presented: PresentedClient,
  { owner, jti, expiresAt }: UsedOnce,
  { usedJtis }: Pick<Deps, 'usedJtis'>,
) {
  const isFirstUse = firstUses.get(presented) ?? usedJtis.use(owner, jti, expiresAt)
  firstUses.set(presented, isFirstUse)
  if (!(await isFirstUse)) throw invalidClient('client assertion: used before')
}

/** The id of the client's assertion. */
async function verified(
  { assertion }: Extract<PresentedClient, { assertion: string }>,
  client: Client,
  { issuer }: Pick<Deps, 'issuer'>,
  now: number,
): Promise<UsedOnce> {
  const { clientId, jwks } = client
  if (jwks === null) {
    throw new UnverifiedAssertion(invalidClient('no JWK Set is registered'), client)
  }
  const id = await verifyAssertion(assertion, { clientId, keySet: jwks, issuer, now })
  if (typeof id === 'string') throw new UnverifiedAssertion(invalidClient(id), client)
  return { owner: ownerOfAssertion(clientId), ...id }
}

/** For the operator. A secret that can be guessed is not compared, so the log cannot say which of the two it is. */
export const TOO_WEAK =
  'wrong secret, or one too weak to be accepted: client rotate-secret makes a strong one'

/** For the operator. `expiredAt`: when the shown secret expired, if it ever was the client's. */
const whySecretFails = (expiredAt: number | null | undefined, now: number) =>
  expiredAt ? `the secret expired ${now - expiredAt} s ago` : 'wrong secret'

/** The credential whose secret was shown. */
function requireCredential(client: Client, secretDigest: SecretDigest, now: number): Credential {
  const isShown = (one: Credential) => equalInConstantTime(one.secretDigest, secretDigest)
  const credential = liveCredentials(client, now).find(isShown)
  if (credential) return credential
  const expiredAt = client.credentials.find(isShown)?.expiresAt
  throw invalidClient(whySecretFails(expiredAt, now))
}

const DAY_SECONDS = 86_400

/**
 * To the day, and only on a record just read: a write for every token would halve the rate of tokens. `credential`: the
 * one whose secret was shown; null for a client that showed none.
 */
function recordUse(
  client: Client,
  credential: Credential | null,
  { clients }: Pick<Deps, 'clients'>,
  { now, defer }: RequestContext,
) {
  const { clientId, selfRegistered } = client
  const isToday = (at: number | null) => at !== null && now - at < DAY_SECONDS
  if (credential) {
    const { secretDigest, lastUsedAt } = credential
    if (!isToday(lastUsedAt)) defer(clients.touchCredential(clientId, secretDigest, now))
    // The id of a public client proves nothing: its codes and refresh tokens count.
  } else if (selfRegistered && !isPublic(client) && !isToday(selfRegistered.usedAt)) {
    defer(clients.touchSelfRegistered(clientId, now))
  }
}
