/** Hono middleware: only a session that holds the scope reaches the route, as `c.var.session`. */

import type { Context, MiddlewareHandler } from 'hono'
import { isEndorsedFor } from '../domain/category.ts'
import { holdsScope, isScope, readHierarchy, SCOPE_RULE } from '../domain/scope.ts'
import type { SessionRecord } from '../domain/session.ts'
import type { AuthenticatorBinding } from '../protocol/authentication.ts'
import {
  credentialRequired,
  type Refusal,
  refusal,
  refusalResponse,
  UNAVAILABLE,
  withResourceMetadata,
} from '../protocol/bearer.ts'
import { publicUrlProblem } from '../protocol/public-url.ts'
import { identifyByBinding, identifyByJwt, type JwtOptions } from './caller.ts'

/** For `new Hono<ScopedEnv>()`. */
export type ScopedEnv = { Variables: { session: SessionRecord } }

export type ScopedOptions = Readonly<{
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
 * Responds with 401, 403 or 503 (a fault) as the authenticator does. `scoped(null)` requires any session. Throws a
 * TypeError for bad options.
 *
 * @example scoped('submission:read', { resource: (c) => c.req.param('id'), authorizer: owns })
 */
export function scoped(
  scope: string | null,
  options: ScopedOptions = {},
): MiddlewareHandler<ScopedEnv> {
  const problem = misuse(scope, options)
  if (problem) throw new TypeError(`scoped(): ${problem}`)

  const identify = options.jwt
    ? identifyByJwt(options.jwt)
    : identifyByBinding(
        options.authenticator ?? ((c) => c.env?.AUTHENTICATOR),
        options.revocation === 'immediate',
      )
  const scopes = scope === null ? [] : [scope]
  const { resourceMetadata } = options

  const refuse = (why: Refusal) =>
    refusalResponse(resourceMetadata ? withResourceMetadata(why, resourceMetadata) : why)

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
    const objection = await objectionTo(caller, scope, options, c)
    if (objection) return refuse(objection)
    c.set('session', caller)
    return next()
  }
}

function misuse(scope: string | null, options: ScopedOptions): string | null {
  const { resource, authorizer, authenticator, jwt, resourceMetadata } = options
  if (resourceMetadata !== undefined) {
    const problem = publicUrlProblem(resourceMetadata)
    if (problem) return `resourceMetadata ${problem}`
  }
  if (authenticator && jwt) return 'choose either an authenticator or a JWT'
  if (jwt && options.revocation === 'immediate') {
    return 'a JWT does not show revocations: immediate needs the authenticator bound'
  }
  if (authorizer && !resource) return 'an authorizer needs a resource to decide about'
  if (scope === null) return resource ? 'a resource needs a scope' : null
  if (!isScope(scope)) return `the scope ${SCOPE_RULE}`
  if (!resource) return null
  const parts = readHierarchy(scope)
  if (!parts) return 'a resource needs a scope of the form domain:action'
  return parts.resource === null ? null : 'the scope names a resource already'
}

/** An exception of the route's own functions passes through to the app, and the request is not allowed. */
async function objectionTo(
  session: SessionRecord,
  scope: string | null,
  { resource, authorizer, category }: ScopedOptions,
  c: Context,
): Promise<Refusal | null> {
  const { scopes, endorsements } = session.authorizations
  const scheme = session.cnf ? 'DPoP' : 'Bearer'
  if (scope !== null) {
    const named = resource?.(c)
    const needed = named === undefined ? scope : `${scope}:${named}`
    const isAllowed =
      holdsScope(scopes, needed) ||
      // Every resource, also one whose id no scope could name.
      (named !== undefined && scopes.includes(`${scope}:*`)) ||
      (named !== undefined &&
        holdsScope(scopes, scope) &&
        (await authorizer?.(session, named, c)) === true)
    if (!isAllowed) {
      return refusal('insufficient_scope', 'The session does not hold the scope.', [scope], scheme)
    }
  }
  const asked = category?.(c)
  if (asked !== undefined && !isEndorsedFor(endorsements, asked)) {
    return refusal(
      'insufficient_scope',
      'The session is not endorsed for the category.',
      [],
      scheme,
    )
  }
  return null
}

function logFault(fault: unknown) {
  const detail = fault instanceof Error ? `${fault.name}: ${fault.message}` : String(fault)
  // biome-ignore lint/suspicious/noConsole: this is the log of a Worker
  console.error(JSON.stringify({ level: 'error', event: 'caller_unknown', detail }))
}
