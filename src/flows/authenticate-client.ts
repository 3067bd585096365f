/** Is this the client that it says it is? (RFC 6749 §2.3, §3.2.1, RFC 7523 §3.2) */

import { equalInConstantTime, hexDigest } from '../crypto/digest.ts'
import {
  acceptsMethod,
  type Client,
  type Credential,
  canBeGuessed,
  isEnabled,
  liveCredentials,
} from '../domain/client.ts'
import { ownerOfAssertion, verifyAssertion } from '../protocol/client-assertion.ts'
import { invalidClient, type PresentedClient } from '../protocol/client-authentication.ts'
import type { Deps } from './deps.ts'

/** `credential` is the one whose secret was shown; null for a client that showed none. */
export type AuthenticatedClient = Readonly<{ client: Client; credential: Credential | null }>

export type AuthenticateClient = (record: Client | null) => Promise<AuthenticatedClient>

/** For the operator: a secret that can be guessed is not compared, so nobody knows which of the two it is. */
const TOO_WEAK =
  'wrong secret, or one too weak to be accepted: client rotate-secret makes a strong one'

/** For the operator. `expiredAt` is when the secret that was shown was good for the last time, if it ever was. */
const whySecretFails = (expiredAt: number | null | undefined, now: number) =>
  expiredAt ? `the secret expired ${now - expiredAt} s ago` : 'wrong secret'

/**
 * For one request. May be called again with a fresher record of the client: an assertion is good once, and that
 * it is this request's is known from then on. Throws `invalid_client`, the same for every cause. A secret is
 * digested whether or not there is a client to compare it with, so that an unknown id takes as long as a wrong
 * secret.
 */
export function clientAuthenticator(
  presented: PresentedClient,
  deps: Pick<Deps, 'usedJtis' | 'issuer'>,
  now: number,
): AuthenticateClient {
  let isFirstUse: Promise<boolean> | undefined

  async function requireAssertion(assertion: string, { clientId, jwks }: Client) {
    if (jwks === null) throw invalidClient('no JWK Set is registered')
    const expected = { clientId, keySet: jwks, issuer: deps.issuer, now }
    const verified = await verifyAssertion(assertion, expected)
    if (typeof verified === 'string') throw invalidClient(verified)
    const { jti, expiresAt } = verified
    isFirstUse ??= deps.usedJtis.use(ownerOfAssertion(clientId), jti, expiresAt)
    if (!(await isFirstUse)) throw invalidClient('client assertion: used before')
  }

  return async (client) => {
    const secretDigest = 'secret' in presented ? await hexDigest(presented.secret) : null
    if (!client) throw invalidClient('unknown client')
    if (!isEnabled(client)) throw invalidClient('disabled client')
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
