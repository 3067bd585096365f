/** What a client lost by a change of its registration, and which of the credentials issued to it must end for that. */

import { isEndorsedFor } from './category.ts'
import { type Client, usesSecret } from './client.ts'
import type { Ended } from './revocation.ts'
import { holdsScope } from './scope.ts'

export type Registration = Pick<
  Client,
  'authMethod' | 'jwks' | 'redirectUris' | 'scopes' | 'grantTypes' | 'endorsements'
>

/** As texts, so that a key that was changed in any way counts as another. */
const keysOf = ({ authMethod, jwks }: Registration): string[] =>
  authMethod === 'private_key_jwt' && jwks !== null
    ? (JSON.parse(jwks) as { keys: unknown[] }).keys.map((key) => JSON.stringify(key))
    : []

/**
 * Sessions alone when less is granted or a secret or key no longer counts: what is renewed or redeemed afterwards
 * is narrower by itself and needs the new secret. Codes too when an address is no longer the client's, since they
 * were sent there. Families too when there is no longer a grant to renew them by.
 */
export function endedBy(before: Registration, after: Registration): readonly Ended[] {
  const lost = (list: 'grantTypes' | 'redirectUris') =>
    before[list].filter((one) => !(after[list] as readonly string[]).includes(one))
  const grantTypes = lost('grantTypes')
  if (grantTypes.some((one) => one !== 'client_credentials'))
    return ['sessions', 'families', 'codes']
  if (lost('redirectUris').length > 0) return ['sessions', 'codes']
  const keysAfter = keysOf(after)
  const isNarrower =
    grantTypes.length > 0 ||
    before.scopes.some((scope) => !holdsScope(after.scopes, scope)) ||
    before.endorsements.some((one) => !isEndorsedFor(after.endorsements, one)) ||
    (usesSecret(before.authMethod) && !usesSecret(after.authMethod)) ||
    keysOf(before).some((key) => !keysAfter.includes(key))
  return isNarrower ? ['sessions'] : []
}
