/** Is this the client that it says it is? (RFC 6749 §2.3, §3.2.1) */

import { equalInConstantTime, hexDigest } from '../crypto/digest.ts'
import { type Client, type Credential, isEnabled, liveCredentials } from '../domain/client.ts'
import { invalidClient, type PresentedClient } from '../protocol/client-authentication.ts'

/** `credential` is the one whose secret was shown; null for a public client. */
export type AuthenticatedClient = Readonly<{ client: Client; credential: Credential | null }>

/** For the operator. `expired` is the credential whose secret was shown, if it is one that was good once. */
const whySecretFails = (expired: Credential | undefined, now: number) =>
  expired ? `the secret expired ${now - (expired.expiresAt ?? now)} s ago` : 'wrong secret'

/**
 * Throws `invalid_client`, the same for every cause. The secret is digested whether or not there is a client
 * to compare it with, so that an unknown id takes as long as a wrong secret.
 */
export async function authenticateClient(
  presented: PresentedClient,
  client: Client | null,
  now: number,
): Promise<AuthenticatedClient> {
  const secretDigest = presented.secret === null ? null : await hexDigest(presented.secret)
  if (!client) throw invalidClient('unknown client')
  if (!isEnabled(client)) throw invalidClient('disabled client')
  if (presented.method !== client.authMethod) {
    throw invalidClient(`registered for ${client.authMethod}, used ${presented.method}`)
  }
  if (secretDigest === null) return { client, credential: null }
  const isShown = (one: Credential) => equalInConstantTime(one.secretDigest, secretDigest)
  const credential = liveCredentials(client, now).find(isShown)
  if (!credential) throw invalidClient(whySecretFails(client.credentials.find(isShown), now))
  return { client, credential }
}
