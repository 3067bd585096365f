/** Client authentication (RFC 6749 §2.3, §3.2.1, RFC 7523 §3.2): is the caller the client that it claims to be? */

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

/** None of the client's stored keys verifies the client's assertion. The client may have published other keys since. */
export class UnverifiedAssertion extends OAuthError {
  readonly client: Client

  constructor({ code, description, detail }: OAuthError, client: Client) {
    super(code, description, { detail })
    this.client = client
  }
}

/** Authenticates the client on the primary's record and returns that record. Throws `invalid_client`. */
export async function authenticateClient(
  presented: PresentedClient,
  deps: ClientDeps,
  context: RequestContext,
  alsoRead: ReadWithClient = {},
): Promise<Client> {
  const record = await deps.clients.findFresh(presented.clientId, alsoRead)
  return authenticateOn({ presented, record, isJustRead: true }, deps, context)
}

/** What the request presents, and the record that it is checked on. `record` is null if there is no such client. */
type PresentedOnRecord = Readonly<{
  presented: PresentedClient
  record: Client | null
  /** True if the record was read for this request, and not kept from an earlier request. */
  isJustRead: boolean
}>

/** Throws the same `invalid_client` for every cause. Digests any secret: an unknown id takes as long as a wrong secret. */
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

/** Anybody can register a client without grant types. Nothing is written for such a client before an operator approves it. */
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

/** An assertion may be verified on several records; whether this is its first use is asked once for each request. */
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

/** Verifies the client's assertion and returns the id of the assertion. */
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

/** For the operator. A guessable secret is not compared, so the log cannot say whether the secret was right. */
export const TOO_WEAK =
  'wrong secret, or one too weak to be accepted: client rotate-secret makes a strong one'

/** The reason for the operator. `expiredAt`: when the presented secret expired, if the client ever had this secret. */
const whySecretFails = (expiredAt: number | null | undefined, now: number) =>
  expiredAt ? `the secret expired ${now - expiredAt} s ago` : 'wrong secret'

function requireCredential(client: Client, secretDigest: SecretDigest, now: number): Credential {
  const isShown = (one: Credential) => equalInConstantTime(one.secretDigest, secretDigest)
  const credential = liveCredentials(client, now).find(isShown)
  if (credential) return credential
  const expiredAt = client.credentials.find(isShown)?.expiresAt
  throw invalidClient(whySecretFails(expiredAt, now))
}

const DAY_SECONDS = 86_400

/**
 * Records the use with the precision of a day, and only if the record was just read: a write for every token would halve the
 * rate of tokens. `credential`: the one whose secret was presented; null for a client that presented none.
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
    // The id of a public client proves nothing, so only its codes and refresh tokens count as a use.
  } else if (selfRegistered && !isPublic(client) && !isToday(selfRegistered.usedAt)) {
    defer(clients.touchSelfRegistered(clientId, now))
  }
}
