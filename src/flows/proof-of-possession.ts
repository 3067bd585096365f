/** DPoP at the token endpoint (RFC 9449 §5): which key are the tokens of this request bound to? */

import type { Client } from '../domain/client.ts'
import { ownerOfProof, readProof } from '../protocol/dpop.ts'
import { OAuthError } from '../protocol/errors.ts'
import type { Deps } from './deps.ts'

const invalidProof = (detail: string) =>
  new OAuthError('invalid_dpop_proof', 'The DPoP proof is not valid for this request.', { detail })

/**
 * The thumbprint of the key, or null where none was proven. A proof is good once, so this is asked when the
 * client is known to be good; again with a fresher record of the client it is still the same request's.
 */
export type BindToKey = (client: Client) => Promise<string | null>

/** `header` undefined: no proof was sent. Throws `invalid_dpop_proof`. */
export async function readTokenProof(
  header: string | undefined,
  deps: Pick<Deps, 'usedJtis' | 'issuer'>,
  now: number,
): Promise<BindToKey> {
  if (header === undefined) return requireNone
  // The address that clients know us by, whatever the Host header says.
  const request = { method: 'POST', url: `${deps.issuer}/token`, accessToken: null }
  const proof = await readProof(header, request, now)
  if (typeof proof === 'string') throw invalidProof(proof)

  let isFirstUse: Promise<boolean> | undefined
  return async () => {
    isFirstUse ??= deps.usedJtis.use(ownerOfProof(proof), proof.jti, proof.expiresAt)
    if (!(await isFirstUse)) throw invalidProof('jti: the proof was used before')
    return proof.jkt
  }
}

/** §5.2 names no error code: a missing header is what RFC 6749 §5.2 calls a missing parameter. */
const requireNone: BindToKey = async (client) => {
  if (!client.requireDpop) return null
  throw new OAuthError('invalid_request', 'This client must send a DPoP proof with every request.')
}
