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
import { ownerOfAssertion, verifyAssertion } from '../protocol/client-assertion.ts'
import { invalidClient, type PresentedClient } from '../protocol/client-authentication.ts'
import { OAuthError } from '../protocol/errors.ts'
import type { ReadWithClient } from '../stores/ports.ts'
import { whyNotAdmitted } from './client-document.ts'
import type { Deps, RequestContext } from './deps.ts'

export type ClientDeps = Pick<Deps, 'clients' | 'clientDocuments' | 'usedJtis' | 'issuer'>

/** None of the client's keys that are kept verifies its assertion. It may have others by now. */
export class UnverifiedAssertion extends OAuthError {
  readonly client: Client

  constructor({ code, description, detail }: OAuthError, client: Client) {
    super(code, description, { detail })
    this.client = client
  }
}

/** For one request: authenticates the client on the primary's record, each time it is called. Throws `invalid_client`. */
export function authenticating(
  presented: PresentedClient,
  deps: ClientDeps,
  context: RequestContext,
  more: ReadWithClient,
): () => Promise<Client> {
  const authenticate = authenticator(presented, deps, context.now)
  return async () => {
    const record = await deps.clients.findFresh(presented.clientId, more)
    const { client, credential } = await authenticate(record)
    recordUse(client, credential, deps, context)
    return client
  }
}

/** The client, authenticated on the primary's record. Throws `invalid_client`. */
export const authenticateClient = (
  presented: PresentedClient,
  deps: ClientDeps,
  context: RequestContext,
  more: ReadWithClient = {},
): Promise<Client> => authenticating(presented, deps, context, more)()

/**
 * For `client_credentials` alone. The record may be the isolate's copy, some seconds old, or a replica's. Such a record
 * may grant, but only the primary's record may refuse: `verify` runs again on that one, so `verify` has no effects. It
 * also gets D1's moment for the session, so that a revocation ends a session that rests on an older copy. While D1 does
 * not answer, an older copy is used.
 */
export async function verifyOnKeptRecord<T>(
  { presented, resources }: Readonly<{ presented: PresentedClient; resources: readonly string[] }>,
  verify: (client: Client, asOfMs: number) => Promise<T>,
  deps: ClientDeps & Pick<Deps, 'clientCache'>,
  context: RequestContext,
): Promise<T> {
  const { clientId } = presented
  const authenticate = authenticator(presented, deps, context.now)
  const lookedUp = await deps.clientCache.lookUp(clientId, context.nowMs, resources)
  const { client: kept, ...found } = lookedUp
  if (found.staleSeconds !== null) {
    context.log('stale_client_used', { clientId, ageSeconds: found.staleSeconds })
  }
  const verifyOn = async (record: Client | null, asOfMs: number, isJustRead: boolean) => {
    const { client, credential } = await authenticate(record)
    if (isJustRead) recordUse(client, credential, deps, context)
    return verify(client, asOfMs)
  }
  try {
    return await verifyOn(kept, found.asOfMs, found.keptSinceMs === null)
  } catch (cause) {
    if (!(cause instanceof OAuthError)) throw cause
    // An unknown id has been looked up by now. A known one takes as long, so that time does not tell them apart.
    if (cause.code === 'invalid_client' && found.keptSinceMs !== null)
      await deps.clients.find(clientId)
    const fresh = await deps.clientCache.reload(clientId, context.nowMs, resources)
    return verifyOn(fresh, fresh?.readAtMs ?? 0, true)
  }
}

const DAY_SECONDS = 86_400

/** To the day, and only on a record just read: a write for every token would halve the rate of tokens. */
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

/** `credential` is the one whose secret was shown; null for a client that showed none. */
type Authenticated = Readonly<{ client: Client; credential: Credential | null }>

/** For the operator. A secret that can be guessed is not compared, so the log cannot say which of the two it is. */
const TOO_WEAK =
  'wrong secret, or one too weak to be accepted: client rotate-secret makes a strong one'

/** For the operator. `expiredAt`: when the shown secret expired, if it ever was the client's. */
const whySecretFails = (expiredAt: number | null | undefined, now: number) =>
  expiredAt ? `the secret expired ${now - expiredAt} s ago` : 'wrong secret'

/**
 * For one request. It may be called again with a fresher record of the client: whether this request is the first use
 * of its assertion is asked once. Throws `invalid_client`, the same for every cause. A secret is digested whether or
 * not there is a client to compare it with, so that an unknown id takes as long as a wrong secret.
 */
function authenticator(
  presented: PresentedClient,
  deps: Pick<Deps, 'clientDocuments' | 'usedJtis' | 'issuer'>,
  now: number,
) {
  let isFirstUse: Promise<boolean> | undefined

  async function requireAssertion(assertion: string, client: Client) {
    const { clientId, jwks } = client
    if (jwks === null) {
      throw new UnverifiedAssertion(invalidClient('no JWK Set is registered'), client)
    }
    const expected = { clientId, keySet: jwks, issuer: deps.issuer, now }
    const verified = await verifyAssertion(assertion, expected)
    if (typeof verified === 'string') {
      throw new UnverifiedAssertion(invalidClient(verified), client)
    }
    const { jti, expiresAt } = verified
    isFirstUse ??= deps.usedJtis.use(ownerOfAssertion(clientId), jti, expiresAt)
    if (!(await isFirstUse)) throw invalidClient('client assertion: used before')
  }

  return async (client: Client | null): Promise<Authenticated> => {
    const secretDigest = 'secret' in presented ? await hexDigest(presented.secret) : null
    if (!client) throw invalidClient('unknown client')
    if (!isEnabled(client)) throw invalidClient('disabled client')
    const notAdmitted = whyNotAdmitted(client.clientId, client, deps.clientDocuments)
    if (notAdmitted !== null) throw invalidClient(notAdmitted)
    if (!acceptsMethod(client.authMethod, presented.method)) {
      throw invalidClient(`registered for ${client.authMethod}, used ${presented.method}`)
    }
    if ('secret' in presented && canBeGuessed(presented.secret)) throw invalidClient(TOO_WEAK)
    if ('assertion' in presented) await requireAssertion(presented.assertion, client)
    if (secretDigest === null) return { client, credential: null }
    const isShown = (one: Credential) => equalInConstantTime(one.secretDigest, secretDigest)
    const credential = liveCredentials(client, now).find(isShown)
    if (!credential) {
      const expiredAt = client.credentials.find(isShown)?.expiresAt
      throw invalidClient(whySecretFails(expiredAt, now))
    }
    return { client, credential }
  }
}
