/** The client credentials grant (RFC 6749 §4.4): a client acts for itself. */

import { isPublic } from '../../domain/client.ts'
import { OAuthError } from '../../protocol/errors.ts'
import type { Fields } from '../../protocol/fields.ts'
import { oneFormat, readTarget } from '../../protocol/resource-parameter.ts'
import { newAccessBearer } from '../open-session.ts'
import { type Caller, grant, issueTokens, type Minted, type Targeted } from './grant.ts'
import { useProof } from './proof-of-possession.ts'

type Attempt = Caller & Readonly<{ fields: Fields }>

/** §4.4: only for confidential clients, even if a public one is registered for it. */
function clientIsConfidential({ client }: Attempt) {
  if (!isPublic(client)) return
  throw new OAuthError('unauthorized_client', 'A public client cannot use this grant type.')
}

const mint = async ({ target }: Targeted) => ({
  bearer: await newAccessBearer(oneFormat(target.resources)),
  refreshToken: null,
})

async function consumeProof(minted: Minted, attempt: Attempt & Targeted) {
  const { client, target, proof, deps } = attempt
  await useProof(proof, deps)
  const { endorsements, redirectUris } = client
  const holding = {
    user: null,
    scopes: target.scopes,
    endorsements,
    redirectUri: redirectUris[0] ?? '',
  }
  return { minted, holding }
}

export const clientCredentials = grant({
  clientRecord: 'kept',
  read: (fields) => ({ fields }),
  grantDigest: async () => null,
  prefetch: async () => null,
  find: async (asked) => asked,
  verify: [clientIsConfidential],
  owned: null,
  target: ({ fields, client, deps }) => readTarget(fields, client, deps.scopePolicy),
  binding: ({ client, proof }) => ({ holder: client, isBound: proof !== null }),
  mint,
  consume: consumeProof,
  issue: issueTokens,
  undo: async () => {},
})
