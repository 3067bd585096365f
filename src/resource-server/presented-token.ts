/** The access token of a request and the proof of its key, for a service that looks the token up itself. */

import type { SessionRecord } from '../domain/session.ts'
import type { Authentication } from '../protocol/authentication.ts'
import {
  BAD_HEADER,
  BAD_TOKEN,
  badProof,
  bindingProblem,
  readBearer,
  refusal,
} from '../protocol/bearer.ts'
import { ownerOfProof, readProof } from '../protocol/dpop.ts'
import { firstUses } from '../stores/isolate-memory.ts'
import { type Asked, askOnce, type Identify } from './asked.ts'

/** The session of a token; null if the token is not valid. Throws if this cannot be known now. Instants in epoch seconds. */
export type FindSession = (
  token: string,
  now: number,
  immediate: boolean,
) => Promise<SessionRecord | null>

const refused = (why: ReturnType<typeof refusal>): Authentication => ({
  kind: 'refused',
  refusal: why,
})

/**
 * RFC 6750 §2.1 and RFC 9449 §7: the token is in the header, with a proof if it is bound to a key. This process accepts a
 * proof once, but other processes do not know that it was used.
 */
export function identifyByToken(find: FindSession): Identify {
  const isNew = firstUses()

  async function identified(asked: Asked, immediate: boolean): Promise<Authentication> {
    const presented = readBearer(asked.header('Authorization'))
    if (presented.kind === 'absent') return { kind: 'anonymous' }
    if (presented.kind === 'malformed') return refused(refusal('invalid_token', BAD_HEADER))
    const { kind, token } = presented
    const scheme = kind === 'dpop' ? 'DPoP' : 'Bearer'
    const now = Math.floor(Date.now() / 1000)

    const proof = kind === 'dpop' ? await proofOf(asked, token, now) : null
    if (typeof proof === 'string') return refused(badProof(proof))
    const session = await find(token, now, immediate)
    if (!session) return refused(refusal('invalid_token', BAD_TOKEN, [], scheme))
    const problem = bindingProblem(session.cnf?.jkt ?? null, proof)
    if (problem) return refused(problem)
    // The proof is used last, so that a refused request does not use it up.
    if (proof && !isNew(JSON.stringify([ownerOfProof(proof), proof.jti]))) {
      return refused(badProof('it was used before'))
    }
    return { kind: 'authenticated', session }
  }

  const identify: Identify = (asked, immediate) =>
    askOnce(asked.request, identify, immediate, () => identified(asked, immediate))
  return identify
}

async function proofOf(asked: Asked, accessToken: string, now: number) {
  const header = asked.header('DPoP')
  if (header === null) return 'it is missing'
  return readProof(header, { method: asked.method, url: asked.url, accessToken }, now)
}
