/** The decision about a request: only a session that holds the scopes is allowed. The adapters of frameworks call it. */

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
  refusalParts,
  UNAVAILABLE,
  WRONG_AUDIENCE,
  withOperation,
} from '../protocol/bearer.ts'
import { isIssuer, publicUrlProblem } from '../protocol/public-url.ts'
import type { Asked, Check } from './asked.ts'
import { identifyByBinding } from './binding.ts'
import { logFault } from './log.ts'
import { identifyByJwt, type JwtOptions } from './proxied-jwt.ts'

/** One scope, a list of which all are required, or null for any session. */
export type Required = string | readonly string[] | null

/** `C` is what the framework gives to a route: Hono's context, or the request. */
export type ScopedOptions<C> = Readonly<{
  /**
   * The URI of this service, as the registry has it (RFC 8707). Only an access token for this service is allowed: no token
   * for another service or for no particular service, and no browser session.
   */
  audience?: string
  /** The resource that the request names; undefined if it names none. */
  resource?: (c: C) => string | undefined
  /**
   * May a session that holds only the generic scope use this resource? Only `true` allows the request. Without an
   * authorizer the generic scope is not enough for a resource.
   */
  authorizer?: (session: SessionRecord, resource: string, c: C) => boolean | Promise<boolean>
  /** The category for which the session must be endorsed; undefined if none is required. */
  category?: (c: C) => string | undefined
  /** The service binding to the authenticator; the default is `env.AUTHENTICATOR`. */
  authenticator?: (c: C) => AuthenticatorBinding | undefined
  /** Used instead of a service binding: `introspection()` or `keySet()`. */
  check?: Check
  /** Used instead of a service binding behind nginx, which passes on the authenticator's JWT. */
  jwt?: JwtOptions<C>
  /** With `immediate` a revocation takes effect at once. The authenticator must then have its database bound. */
  revocation?: 'bounded' | 'immediate'
  /** The URL of this resource's metadata (see `protectedResource`), which every challenge names. */
  resourceMetadata?: string
  /**
   * The origin that callers address, which a DPoP proof names. The default is the origin of the request: set this option if a
   * proxy terminates TLS, or if a caller can choose the `Host` header.
   */
  origin?: string
}>

/** The session of an allowed request, or the response to a refused one. */
export type Decision =
  | Readonly<{ kind: 'allowed'; session: SessionRecord }>
  | Readonly<{ kind: 'refused'; response: Response }>

/**
 * Decides with 401, 403 or 503 (a fault) as the authenticator does. The challenge of a 401 or 403 names all the scopes.
 * `bound` is where the framework keeps a Worker's bindings; null if it has none. Throws a TypeError for wrong options.
 */
export function decider<C>(
  required: Required,
  options: ScopedOptions<C>,
  bound: BindingOf<C> | null,
): (asked: Asked, c: C) => Promise<Decision> {
  const scopes = required === null ? [] : [required].flat()
  const isEmptyList = required !== null && scopes.length === 0
  const problem = isEmptyList ? 'name a scope, or null for any session' : misuse(scopes, options)
  if (problem) throw new TypeError(`scoped(): ${problem}`)

  const identify = identifier({ ...options, authenticator: options.authenticator ?? bound })
  const { resourceMetadata, origin } = options

  const refused = (why: Refusal): Decision => ({
    kind: 'refused',
    response: new Response(...refusalParts(withOperation(why, { scopes, resourceMetadata }))),
  })

  const callerOf = async (asked: Asked, c: C): Promise<SessionRecord | Refusal> => {
    try {
      const outcome = await identify(origin === undefined ? asked : addressedTo(origin, asked), c)
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
      logFault('caller_unknown', fault)
      return UNAVAILABLE
    }
  }

  return async (asked, c) => {
    const caller = await callerOf(asked, c)
    if ('reason' in caller) return refused(caller)
    const objection = await objectionTo(caller, scopes, options, c)
    return objection ? refused(objection) : { kind: 'allowed', session: caller }
  }
}

type BindingOf<C> = (c: C) => AuthenticatorBinding | undefined
type Sources<C> = Omit<ScopedOptions<C>, 'authenticator'> &
  Readonly<{ authenticator: BindingOf<C> | null }>

function identifier<C>({ jwt, check, authenticator, revocation }: Sources<C>) {
  const isImmediate = revocation === 'immediate'
  if (check) return (asked: Asked) => check.identify(asked, isImmediate)
  if (jwt) {
    const identify = identifyByJwt(jwt)
    return (asked: Asked, c: C) => identify(asked.header('Authorization'), c)
  }
  if (!authenticator) throw new TypeError('scoped(): choose a check, introspection() or keySet()')
  return (asked: Asked, c: C) => identifyByBinding(authenticator(c), asked, isImmediate)
}

function addressedTo(origin: string, asked: Asked): Asked {
  const { pathname, search } = new URL(asked.url)
  return { ...asked, url: origin + pathname + search }
}

function misuse<C>(scopes: readonly string[], options: ScopedOptions<C>): string | null {
  const { audience, resourceMetadata, origin } = options
  if (audience !== undefined && canonicalResource(audience) === null) {
    return `the audience ${RESOURCE_URI_RULE}`
  }
  if (resourceMetadata !== undefined) {
    const problem = publicUrlProblem(resourceMetadata)
    if (problem) return `resourceMetadata ${problem}`
  }
  if (origin !== undefined && !isIssuer(origin)) {
    return 'the origin must be https, or http on a loopback address, without a path'
  }
  if (!scopes.every(isScope)) return `the scope ${SCOPE_RULE}`
  return misuseOfSources(options) ?? misuseOfResource(scopes, options)
}

function misuseOfSources<C>(options: ScopedOptions<C>): string | null {
  const { authenticator, jwt, check, audience, revocation } = options
  if ([authenticator, jwt, check].filter(Boolean).length > 1) {
    return 'choose one of an authenticator, a check and a JWT'
  }
  if (jwt && !jwt.secret && !jwt.keys) return 'a JWT needs a secret or keys'
  const isSigned = jwt !== undefined || check?.kind === 'key set'
  if (isSigned && revocation === 'immediate') {
    return 'a signature does not show revocations: immediate needs the authenticator or introspection'
  }
  // RFC 9068 §4: the signature of a token for another service is valid too.
  return check?.kind === 'key set' && audience === undefined
    ? 'a key set needs the audience of this service'
    : null
}

function misuseOfResource<C>(
  scopes: readonly string[],
  { resource, authorizer }: ScopedOptions<C>,
): string | null {
  if (authorizer && !resource) return 'an authorizer needs a resource to decide about'
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
async function objectionTo<C>(
  session: SessionRecord,
  scopes: readonly string[],
  { audience, resource, authorizer, category }: ScopedOptions<C>,
  c: C,
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
      : // The wildcard covers every resource, also one whose id no scope could name.
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
