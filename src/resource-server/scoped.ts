/** Hono middleware: only a session that holds the scopes reaches the route, as `c.var.session`. */

import type { Context, MiddlewareHandler } from 'hono'
import { isEndorsedFor } from '../domain/category.ts'
import { canonicalResource, RESOURCE_URI_RULE } from '../domain/resource.ts'
import { holdsScope, isScope, readHierarchy, SCOPE_RULE } from '../domain/scope.ts'
import type { SessionRecord } from '../domain/session.ts'
import type { AuthenticatorBinding } from '../protocol/authentication.ts'
import {
  credentialRequired,
  isFor,
  type Refusal,
  refusal,
  refusalResponse,
  UNAVAILABLE,
  WRONG_AUDIENCE,
  withOperation,
} from '../protocol/bearer.ts'
import { publicUrlProblem } from '../protocol/public-url.ts'
import { identifyByBinding, identifyByJwt, type JwtOptions } from './caller.ts'

/** For `new Hono<ScopedEnv>()`. */
export type ScopedEnv = { Variables: { session: SessionRecord } }

export type ScopedOptions = Readonly<{
  /**
   * The URI of this service, as the registry has it (RFC 8707). Only an access token that is for it is allowed: not one
   * for another service, nor one that is for none in particular, nor a browser session.
   */
  audience?: string
  /** The resource that the request names; undefined if it names none. */
  resource?: (c: Context) => string | undefined
  /**
   * May a session that holds only the generic scope use this resource? Only `true` allows the request. Without an
   * authorizer the generic scope is not enough for a resource.
   */
  authorizer?: (session: SessionRecord, resource: string, c: Context) => boolean | Promise<boolean>
  /** The category for which the session must be endorsed; undefined for none. */
  category?: (c: Context) => string | undefined
  /** The service binding to the authenticator; by default `c.env.AUTHENTICATOR`. */
  authenticator?: (c: Context) => AuthenticatorBinding | undefined
  /** `immediate`: a revocation has effect at once; the authenticator must have the database bound. */
  revocation?: 'bounded' | 'immediate'
  /** Instead of a service binding, behind nginx, which passes the authenticator's JWT on. */
  jwt?: JwtOptions
  /** The URL of this resource's metadata (see `protectedResource`), for every challenge. */
  resourceMetadata?: string
}>

/**
 * Requires every one of the scopes; `scoped(null)` requires any session. Responds with 401, 403 or 503 (a fault) as the
 * authenticator does. The challenge of a 401 or 403 names all the scopes. Throws a TypeError for bad options.
 *
 * @example scoped('files:read', { audience: 'https://files.example' })
 * @example scoped('submission:read', { resource: (c) => c.req.param('id'), authorizer: owns })
 * @example scoped(['submission:read', 'submission:create'])
 */
export function scoped(
  required: string | readonly string[] | null,
  options: ScopedOptions = {},
): MiddlewareHandler<ScopedEnv> {
  const scopes = required === null ? [] : [required].flat()
  const isEmptyList = required !== null && scopes.length === 0
  const problem = isEmptyList ? 'name a scope, or null for any session' : misuse(scopes, options)
  if (problem) throw new TypeError(`scoped(): ${problem}`)

  const identify = options.jwt
    ? identifyByJwt(options.jwt)
    : identifyByBinding(
        options.authenticator ?? ((c) => c.env?.AUTHENTICATOR),
        options.revocation === 'immediate',
      )
  const { resourceMetadata } = options

  const refuse = (why: Refusal) => refusalResponse(withOperation(why, { scopes, resourceMetadata }))

  const callerOf = async (c: Context): Promise<SessionRecord | Refusal> => {
    try {
      const outcome = await identify(c)
      switch (outcome.kind) {
        case 'authenticated':
          return outcome.session
        case 'anonymous':
          return credentialRequired(scopes)
        case 'refused':
          return outcome.refusal
        default:
          throw new Error('the authenticator gave no answer', { cause: outcome satisfies never })
      }
    } catch (fault) {
      logFault(fault)
      return UNAVAILABLE
    }
  }

  return async function requireScope(c, next) {
    const caller = await callerOf(c)
    if ('reason' in caller) return refuse(caller)
    const objection = await objectionTo(caller, scopes, options, c)
    if (objection) return refuse(objection)
    c.set('session', caller)
    return next()
  }
}

function misuse(scopes: readonly string[], options: ScopedOptions): string | null {
  const { audience, resource, authorizer, authenticator, jwt, resourceMetadata } = options
  if (audience !== undefined && canonicalResource(audience) === null) {
    return `the audience ${RESOURCE_URI_RULE}`
  }
  if (resourceMetadata !== undefined) {
    const problem = publicUrlProblem(resourceMetadata)
    if (problem) return `resourceMetadata ${problem}`
  }
  if (authenticator && jwt) return 'choose either an authenticator or a JWT'
  if (jwt && options.revocation === 'immediate') {
    return 'a JWT does not show revocations: immediate needs the authenticator bound'
  }
  if (authorizer && !resource) return 'an authorizer needs a resource to decide about'
  if (!scopes.every(isScope)) return `the scope ${SCOPE_RULE}`
  if (!resource) return null
  if (scopes.length === 0) return 'a resource needs a scope'
  for (const scope of scopes) {
    const parts = readHierarchy(scope)
    if (!parts) return 'a resource needs a scope of the form domain:action'
    if (parts.resource !== null) return 'the scope names a resource already'
  }
  return null
}

/** An exception of the route's own functions passes through to the app, and the request is not allowed. */
async function objectionTo(
  session: SessionRecord,
  scopes: readonly string[],
  { audience, resource, authorizer, category }: ScopedOptions,
  c: Context,
): Promise<Refusal | null> {
  const held = session.authorizations.scopes
  const scheme = session.cnf ? 'DPoP' : 'Bearer'
  const refuse = (reason: string) => refusal('insufficient_scope', reason, scopes, scheme)
  if (audience !== undefined && !isFor(session, audience)) {
    return refusal('invalid_token', WRONG_AUDIENCE, scopes, scheme)
  }
  const named = resource?.(c)
  const isHeld = (scope: string) =>
    named === undefined
      ? holdsScope(held, scope)
      : // Every resource, also one whose id no scope could name.
        holdsScope(held, `${scope}:${named}`) || held.includes(`${scope}:*`)
  const lacking = scopes.filter((scope) => !isHeld(scope))
  const mayAuthorize =
    named !== undefined && lacking.every((scope) => holdsScope(held, scope)) && authorizer
  const isAllowed =
    lacking.length === 0 || (mayAuthorize && (await mayAuthorize(session, named, c)) === true)
  if (!isAllowed) return refuse('The session does not hold the scope.')
  const asked = category?.(c)
  const isEndorsed =
    asked === undefined || isEndorsedFor(session.authorizations.endorsements, asked)
  return isEndorsed ? null : refuse('The session is not endorsed for the category.')
}

function logFault(fault: unknown) {
  const detail = fault instanceof Error ? `${fault.name}: ${fault.message}` : String(fault)
  // biome-ignore lint/suspicious/noConsole: this is the log of a Worker
  console.error(JSON.stringify({ level: 'error', event: 'caller_unknown', detail }))
}
