/** Is this the client that it says it is? (RFC 6749 §2.3, §3.2.1) */

import { equalInConstantTime, hexDigest } from '../crypto/digest.ts'
import { type Client, type Credential, isEnabled, liveCredentials } from '../domain/client.ts'
import { invalidClient, type PresentedClient } from '../protocol/client-authentication.ts'

/** `credential` is the one whose secret was shown; null for a public client. */
export type AuthenticatedClient = Readonly<{ client: Client; credential: Credential | null }>

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
  const credential = liveCredentials(client, now).find((one) =>
    equalInConstantTime(one.secretDigest, secretDigest),
  )
  if (!credential) throw invalidClient('wrong or expired secret')
  return { client, credential }
}
