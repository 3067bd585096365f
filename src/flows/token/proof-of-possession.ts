/** DPoP at the token endpoint (RFC 9449 §5): which key are the tokens of this request bound to? */

import type { Client } from '../../domain/client.ts'
import type { Resource } from '../../domain/resource.ts'
import { ownerOfProof, readProof } from '../../protocol/dpop.ts'
import { OAuthError } from '../../protocol/errors.ts'
import type { UsedOnce } from '../../stores/spending-ports.ts'
import type { Deps } from '../deps.ts'

const invalidProof = (detail: string) =>
  new OAuthError('invalid_dpop_proof', 'The DPoP proof is not valid for this request.', { detail })

/** `jkt`: the thumbprint of the key. `id`: the proof's id, which is accepted once. */
export type TokenProof = Readonly<{ jkt: string; id: UsedOnce }>

/** Throws `invalid_dpop_proof`. Does not check whether the proof was used. */
export async function readTokenProof(
  header: string,
  { issuer }: Pick<Deps, 'issuer'>,
  now: number,
): Promise<TokenProof> {
  // The URL has the issuer and not the Host header, because clients get this address from the metadata.
  const request = { method: 'POST', url: `${issuer}/token`, accessToken: null }
  const proof = await readProof(header, request, now)
  if (typeof proof === 'string') throw invalidProof(proof)
  const { jkt, jti, expiresAt } = proof
  return { jkt, id: { owner: ownerOfProof(proof), jti, expiresAt } }
}

/** RFC 9449 §5.2 names no error code, and a missing header is like a missing parameter of RFC 6749 §5.2. */
export function requireProof(client: Client, proof: TokenProof | null) {
  if (proof || !client.requireDpop) return
  throw new OAuthError('invalid_request', 'This client must send a DPoP proof with every request.')
}

/** Throws `invalid_request`. */
export function requireProofFor(resources: readonly Resource[], proof: TokenProof | null) {
  if (proof || !resources.some(({ requireDpop }) => requireDpop)) return
  throw new OAuthError('invalid_request', 'A requested resource demands a DPoP proof.')
}

/**
 * §11.1: a proof is accepted once. The proof is recorded when all checks have passed, so that a refused request writes
 * nothing. With a code or a refresh token the recording is part of the same transaction of D1 (`Terms`): a used proof spends
 * neither, a new proof is recorded only with what it spends, and of many requests with one proof one wins. A used proof is
 * refused before a replay of the code or token is punished, because a used proof does not show who holds the key.
 */
export const usedProof = () => invalidProof('jti: the proof was used before')

/** Called before a replay ends tokens. Only the statement that spends can tell whether a proof is new at that moment. */
export async function requireUnusedProof(
  proof: TokenProof | null,
  { usedJtis }: Pick<Deps, 'usedJtis'>,
) {
  if (proof && (await usedJtis.isUsed(proof.id.owner, proof.id.jti))) throw usedProof()
}

/** Records the proof of a grant that spends nothing else. */
export async function useProof(proof: TokenProof | null, { usedJtis }: Pick<Deps, 'usedJtis'>) {
  if (!proof) return
  const { owner, jti, expiresAt } = proof.id
  if (!(await usedJtis.use(owner, jti, expiresAt))) throw usedProof()
}
