/** Identifies the caller by a signed token (RFC 9068) and the registry's key set, without asking about the token. */

import { JOSEError, JWKSNoMatchingKey } from 'jose/errors'
import { createLocalJWKSet } from 'jose/jwks/local'
import { type JWTVerifyGetKey, jwtVerify } from 'jose/jwt/verify'
import type { Check } from './asked.ts'
import { sessionOfClaims } from './claims.ts'
import { identifyByToken } from './presented-token.ts'
import { type RegistryOptions, registryOf } from './registry.ts'
import { isSignedToken } from './signed-token.ts'

export type KeySetOptions = RegistryOptions

/** The registry signs with no other. EdDSA and Ed25519 (RFC 9864) are two names for one algorithm. */
export const ALGORITHMS = ['ES256', 'EdDSA', 'Ed25519']
/** RFC 9068 §2.1, §4. */
const TYPE = 'at+jwt'
/** §2.2, all REQUIRED. */
const CLAIMS = ['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti']
const FRESH_SECONDS = 300
/** A set that is kept is read again at most this often, also for an unknown `kid` and while the registry is down. */
const COOLDOWN_SECONDS = 10
/** How long a set is used while the registry does not answer. */
const STALE_SECONDS = 86_400

/**
 * Verifies each token with the keys at the registry's `/jwks.json`, which are read again after five minutes. A revocation is
 * not seen: a token is good until it expires. `scoped()` therefore takes no `revocation: 'immediate'`, and needs
 * `audience`. An opaque token is refused. Throws a TypeError for bad options.
 *
 * @example keySet({ issuer: 'https://auth.example.org' })
 */
export function keySet(options: KeySetOptions): Check {
  const registry = registryOf('keySet', options)
  const keyFor = keysOf(registry)

  const find = async (token: string, now: number) => {
    if (!isSignedToken(token)) return null
    try {
      const { payload } = await jwtVerify(token, keyFor, {
        issuer: registry.issuer,
        algorithms: ALGORITHMS,
        typ: TYPE,
        requiredClaims: CLAIMS,
        currentDate: new Date(now * 1000),
      })
      return sessionOfClaims(payload)
    } catch (failure) {
      if (failure instanceof JOSEError) return null
      throw failure
    }
  }
  return { kind: 'key set', identify: identifyByToken(find) }
}

type ReadSet = Readonly<{ find: JWTVerifyGetKey; readAtMs: number }>

/**
 * Throws a JOSEError if no key fits, and another Error if that cannot be known: no set is kept, or the registry does not
 * answer for a `kid` that the kept set does not have.
 */
export function keysOf({
  issuer,
  timeoutMs,
  send,
}: ReturnType<typeof registryOf>): JWTVerifyGetKey {
  let kept: ReadSet | undefined
  let triedAtMs = 0
  /** The last read has failed or is under way, so an unknown `kid` may be good. */
  let isBehind = false

  async function read(): Promise<ReadSet> {
    triedAtMs = Date.now()
    isBehind = true
    const answer = await send(`${issuer}/jwks.json`, {
      headers: { Accept: 'application/json' },
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    })
    if (answer.status !== 200) throw new Error(`/jwks.json answered ${answer.status}`)
    kept = { find: localSet(await answer.json()), readAtMs: triedAtMs }
    isBehind = false
    return kept
  }

  const isOlderThan = (seconds: number, thenMs: number) => Date.now() >= thenMs + seconds * 1000

  async function current(): Promise<ReadSet> {
    if (!kept || isOlderThan(STALE_SECONDS, kept.readAtMs)) return read()
    const mustRead =
      isOlderThan(FRESH_SECONDS, kept.readAtMs) && isOlderThan(COOLDOWN_SECONDS, triedAtMs)
    const { find, readAtMs } = kept
    return mustRead ? read().catch(() => ({ find, readAtMs })) : kept
  }

  return async (header, token) => {
    if (typeof header.kid !== 'string') throw new JWKSNoMatchingKey()
    const { find } = await current()
    try {
      return await find(header, token)
    } catch (failure) {
      if (!(failure instanceof JWKSNoMatchingKey)) throw failure
      if (isOlderThan(COOLDOWN_SECONDS, triedAtMs)) return (await read()).find(header, token)
      if (isBehind) throw new Error('the key set cannot be read')
      throw failure
    }
  }
}

/** Throws an Error that is not jose's: a malformed set is not the caller's fault. */
function localSet(value: unknown): JWTVerifyGetKey {
  try {
    return createLocalJWKSet(value as Parameters<typeof createLocalJWKSet>[0])
  } catch (cause) {
    throw new Error('/jwks.json answered with no key set', { cause })
  }
}
