/** A registry that signs access tokens, an authenticator that reads its keys, and resources with signed tokens. */

import { env } from 'cloudflare:workers'
import { exportJWK, generateKeyPair, type JWK } from 'jose'
import { createAuthenticator } from '../../src/authenticator/app.ts'
import { signedTokenKeyOf } from '../../src/crypto/digest.ts'
import { ownVerificationKeys } from '../../src/crypto/signed-jwt.ts'
import { publicKeys, readSigningKeys } from '../../src/crypto/signing-keys.ts'
import type { NewResource } from '../../src/domain/resource.ts'
import { readAccessToken } from '../../src/protocol/read-access-token.ts'
import { liveSessions } from '../../src/stores/live-sessions.ts'
import { ISSUER, serve } from './registry.ts'
import { newResource } from './resources.ts'
import { JWT_SECRET } from './stored-session.ts'

/** A private key, as SIGNING_KEYS has it. */
export async function newSigningKey(alg = 'ES256'): Promise<JWK> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true })
  return exportJWK(privateKey)
}

export const keySetText = (...keys: JWK[]) => JSON.stringify({ keys })

/** A registry that signs with these keys, and authenticators that verify with them. `changes` are bindings and settings of the registry. */
export function signingWith(SIGNING_KEYS: string, changes: Record<string, unknown> = {}) {
  const keys = readSigningKeys(SIGNING_KEYS)
  const keySet = async () => Response.json(await publicKeys(keys))
  const bindings = (more: Record<string, unknown> = {}) => ({
    SESSIONS: env.SESSIONS,
    DB: env.DB,
    ISSUER,
    JWT_SECRET,
    REGISTRY: { fetch: keySet },
    ...more,
  })
  const authenticator = createAuthenticator(bindings())
  return {
    keys,
    keySet,
    fetch: serve({ SIGNING_KEYS, ...changes }),
    authenticator,
    /** Another isolate. */
    newAuthenticator: (more: Record<string, unknown> = {}) => createAuthenticator(bindings(more)),
    ask: (query: string, headers: Record<string, string>) =>
      authenticator.fetch(new Request(`https://a.example/auth${query}`, { headers })),
  }
}
export type Signing = ReturnType<typeof signingWith>

/** The same for all files of a process. */
export const SIGNING_KEYS = keySetText(await newSigningKey())
export const signing = signingWith(SIGNING_KEYS)

/** The live session of a token that `signing` signed, in a new isolate; with `fresh` D1 is asked. */
export async function signedSessionOf(token: string, fresh: boolean) {
  const keys = ownVerificationKeys(signing.keys)
  const session = await readAccessToken(token, { keys, issuer: ISSUER, nowMs: Date.now() })
  if (typeof session === 'string') throw new Error(session)
  const key = await signedTokenKeyOf(session.session_id)
  const live = liveSessions(env.SESSIONS, fresh ? env.DB : null)
  return (await live.accepts(key, session, Date.now(), fresh)) ? session : null
}

export const newSignedResource = (
  scopes: readonly string[],
  more: Partial<NewResource> = {},
): Promise<string> =>
  newResource(scopes, { tokenFormat: 'jwt', accessTokenLifetimeSeconds: 600, ...more })

type Part = Readonly<Record<string, unknown>>

const partOf = (token: string, at: number) =>
  JSON.parse(atob((token.split('.')[at] ?? '').replaceAll('-', '+').replaceAll('_', '/'))) as Part
export const headerOf = (token: string) => partOf(token, 0)
export const claimsOf = (token: string) => partOf(token, 1)
