/** Identifies the caller: by the authenticator over a service binding, or by the JWT that nginx passes on. */

import type { Context } from 'hono'
import { importSecret, type SharedKey, verifyJwt } from '../crypto/jws.ts'
import type { SessionRecord } from '../domain/session.ts'
import { readSession } from '../domain/session-shape.ts'
import type { Authentication, AuthenticatorBinding } from '../protocol/authentication.ts'
import { refusal } from '../protocol/bearer.ts'

/** For a service behind nginx. */
export type JwtOptions = Readonly<{
  /** The authenticator's own `JWT_SECRET`; while that is rotated, the new one and the old one. */
  secret: (c: Context) => string | readonly string[]
  /** The registry's origin, as the authenticator knows it. */
  issuer: string
}>

/** Throws on a fault; the middleware then responds with 503. */
export type Identify = (c: Context) => Promise<Authentication>

/** Sends no scope to the authenticator: the route checks what it requires. */
export function identifyByBinding(
  authenticator: (c: Context) => AuthenticatorBinding | undefined,
  immediate: boolean,
): Identify {
  return async (c) => {
    const binding = authenticator(c)
    if (!binding) throw new Error('no authenticator is bound')
    const ask = async () =>
      binding.authenticate({
        authorization: c.req.header('Authorization') ?? null,
        cookie: c.req.header('Cookie') ?? null,
        dpop: c.req.header('DPoP') ?? null,
        method: c.req.method,
        url: c.req.url,
        immediate,
      })
    const outcome = await askOnce(c.req.raw, binding, immediate, ask)
    return outcome.kind === 'authenticated' ? authenticated(outcome.session) : outcome
  }
}

type Answers = WeakMap<AuthenticatorBinding, Promise<Authentication>>
const answers = {
  bounded: new WeakMap<Request, Answers>(),
  immediate: new WeakMap<Request, Answers>(),
}

/**
 * Asks once for each request, also if several middlewares identify the caller: a DPoP proof is accepted once. If one
 * middleware uses `immediate`, all middlewares of the same request must therefore use it.
 */
function askOnce(
  request: Request,
  binding: AuthenticatorBinding,
  immediate: boolean,
  ask: () => Promise<Authentication>,
): Promise<Authentication> {
  const byRequest = immediate ? answers.immediate : answers.bounded
  const known = byRequest.get(request) ?? new WeakMap()
  const answer = known.get(binding) ?? ask()
  byRequest.set(request, known.set(binding, answer))
  return answer
}

/** Only nginx may reach such a service. The value of `Authorization` is the JWT, with or without `Bearer`. */
export function identifyByJwt({ secret, issuer }: JwtOptions): Identify {
  let imported: Readonly<{ from: string; keys: readonly SharedKey[] }> | undefined
  const keysOf = async (given: string | readonly string[]) => {
    const secrets = [given].flat()
    if (secrets.length === 0) throw new RangeError('no secret')
    const from = JSON.stringify(secrets)
    if (imported?.from !== from) {
      imported = { from, keys: await Promise.all(secrets.map(importSecret)) }
    }
    return imported.keys
  }

  return async (c) => {
    const authorization = c.req.header('Authorization')
    if (authorization === undefined) return { kind: 'anonymous' }
    const jwt = authorization.replace(/^Bearer +/i, '')
    const now = Math.floor(Date.now() / 1000)
    const claims = await verifyJwt(jwt, await keysOf(secret(c)), { issuer, now })
    return claims === null
      ? { kind: 'refused', refusal: refusal('invalid_token', 'The JWT is not valid.') }
      : authenticated(claims)
  }
}

/** A malformed session in a signed JWT or from the binding is our fault and not the caller's. */
function authenticated(value: unknown): Authentication {
  const session: SessionRecord | null = readSession(value)
  if (!session) throw new Error('the authenticator answered with no session record')
  return { kind: 'authenticated', session }
}
