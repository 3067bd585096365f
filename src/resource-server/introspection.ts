/** Identifies the caller with the registry's `/introspect` (RFC 7662), with a bounded cache of the responses. */

import { SignJWT } from 'jose/jwt/sign'
import { digest } from '../crypto/digest.ts'
import { isWellFormed, mayBeSigned } from '../crypto/token.ts'
import { endOf, type SessionRecord } from '../domain/session.ts'
import { keepIn } from '../stores/isolate-memory.ts'
import type { Check } from './asked.ts'
import { sessionOfClaims } from './claims.ts'
import { identifyByToken } from './presented-token.ts'
import { type RegistryOptions, registryOf, requirePositive } from './registry.ts'

/** A private JWK (RFC 7517). Its `alg` and `kid` go into the assertion's header. */
export type PrivateKey = Readonly<{
  kty?: string
  d?: string
  alg?: string
  kid?: string
  [member: string]: unknown
}>

export type IntrospectionOptions = RegistryOptions &
  Readonly<{
    /** The client as which the service authenticates, made with `client create --may-introspect`. */
    clientId: string
    /**
     * How long a response is used again, and so how much later a revocation takes effect. The default is 10; with 0 no
     * response is used again.
     */
    cacheSeconds?: number
    /** How many tokens are kept. The default is 1000. */
    cacheSize?: number
  }> &
  (
    | Readonly<{ clientSecret: string; privateKey?: never }>
    /** The private JWK for `private_key_jwt`. */
    | Readonly<{ privateKey: PrivateKey; clientSecret?: never }>
  )

const DEFAULT_CACHE_SECONDS = 10
const DEFAULT_CACHE_SIZE = 1000
/** The response that a token is not active is kept this long: it can change only for a token that was just issued. */
const MAX_NEGATIVE_SECONDS = 2
const ASSERTION_SECONDS = 60
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/**
 * Asks the registry about each token, and uses a response again for `cacheSeconds`, never past the token's expiry. A
 * revocation takes effect at once if `scoped()` has `revocation: 'immediate'`. Only an access token is accepted; a
 * browser's session is not sent to the registry. Throws a TypeError for wrong options.
 *
 * @example introspection({ issuer: 'https://auth.example.org', clientId, clientSecret })
 */
export function introspection(options: IntrospectionOptions): Check {
  const { cacheSeconds = DEFAULT_CACHE_SECONDS, cacheSize = DEFAULT_CACHE_SIZE } = options
  const registry = registryOf('introspection', options)
  const problem = misuse(options)
  if (problem) throw new TypeError(`introspection(): ${problem}`)
  if (cacheSeconds !== 0) requirePositive('introspection', { cacheSeconds })
  requirePositive('introspection', { cacheSize })

  async function ask(token: string, now: number): Promise<SessionRecord | null> {
    const form = new URLSearchParams({ token, token_type_hint: 'access_token' })
    const headers = new Headers({ Accept: 'application/json' })
    await authenticate(form, headers, options, now)
    const response = await registry.send(`${registry.issuer}/introspect`, {
      method: 'POST',
      body: form,
      headers,
      redirect: 'manual',
      signal: AbortSignal.timeout(registry.timeoutSeconds * 1000),
    })
    if (response.status !== 200) throw new Error(`/introspect answered ${response.status}`)
    return readResponse(await response.json())
  }

  // Inactive tokens are kept separately, so that made-up tokens do not displace active ones.
  const active = new Map<string, Kept>()
  const inactive = new Map<string, Kept>()

  const find = async (token: string, now: number, immediate: boolean) => {
    if (!isWellFormed('accessToken', token) && !mayBeSigned(token)) return null
    const key = await digest(token)
    const known = immediate ? undefined : (active.get(key) ?? inactive.get(key))
    if (known && now < known.usedUntil) return known.session
    active.delete(key)
    inactive.delete(key)
    const session = alive(await ask(token, now), now)
    const memory = session ? active : inactive
    const most = session ? endOf(session) : now + MAX_NEGATIVE_SECONDS
    const kept = { session, usedUntil: Math.min(now + cacheSeconds, most) }
    keepIn(memory, key, kept, cacheSize)
    return session
  }
  return { kind: 'introspection', identify: identifyByToken(find) }
}

type Kept = Readonly<{
  session: SessionRecord | null
  /** Epoch seconds. */
  usedUntil: number
}>

const alive = (session: SessionRecord | null, now: number) =>
  session && now < endOf(session) ? session : null

/** A refresh token is active too, but has no `token_type`. Throws if the body is no introspection response. */
function readResponse(body: unknown): SessionRecord | null {
  const claims = Object(body) as Readonly<Record<string, unknown>>
  if (claims.active === false) return null
  if (claims.active !== true) throw new Error('/introspect answered without active')
  if (claims.token_type === undefined) return null
  const session = sessionOfClaims(claims)
  if (!session) throw new Error('/introspect answered with a member missing or malformed')
  return session
}

/**
 * RFC 6749 §2.3.1: id and secret are form-encoded, then sent by Basic. With a key: an assertion (RFC 7523) whose only
 * audience is the issuer.
 */
async function authenticate(
  form: URLSearchParams,
  headers: Headers,
  { clientId, clientSecret, privateKey, issuer }: IntrospectionOptions,
  now: number,
): Promise<void> {
  if (clientSecret !== undefined) {
    const pair = [clientId, clientSecret].map(encodeURIComponent).join(':')
    headers.set('Authorization', `Basic ${btoa(pair)}`)
    return
  }
  const { kid } = privateKey
  const assertion = await new SignJWT()
    .setProtectedHeader({
      alg: algorithmOf(privateKey) as string,
      ...(kid !== undefined && { kid }),
    })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(issuer)
    .setIssuedAt(now)
    .setExpirationTime(now + ASSERTION_SECONDS)
    .setJti(crypto.randomUUID())
    .sign(privateKey as Parameters<SignJWT['sign']>[0])
  form.set('client_id', clientId)
  form.set('client_assertion_type', ASSERTION_TYPE)
  form.set('client_assertion', assertion)
}

const ALGORITHMS: Readonly<Record<string, string>> = { EC: 'ES256', OKP: 'EdDSA', RSA: 'RS256' }
const algorithmOf = ({ alg, kty = '' }: PrivateKey) => alg ?? ALGORITHMS[kty]

function misuse({ clientId, clientSecret, privateKey }: IntrospectionOptions): string | null {
  if (clientId === '' || (!clientSecret && !privateKey)) {
    return 'name clientId, and clientSecret or privateKey'
  }
  const isUsable = !privateKey || (privateKey.d !== undefined && algorithmOf(privateKey))
  return isUsable ? null : 'privateKey must be a private JWK of the type EC, OKP or RSA'
}
