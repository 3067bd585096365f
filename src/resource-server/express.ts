/** The adapter for Express 4 and 5, and for any server that takes `(req, res, next)` on Node.js. */

import type { SessionRecord } from '../domain/session.ts'
import { decider, type ScopedOptions as OptionsFor, type Required } from './decide.ts'
import { metadataOf, type ProtectedResource } from './metadata.ts'

export type { AuthenticatorBinding } from '../protocol/authentication.ts'
export { authenticatorKeys } from './authenticator-keys.ts'
export { type IntrospectionOptions, introspection } from './introspection.ts'
export { type KeySetOptions, keySet } from './key-set.ts'
export type { ProtectedResource, SessionRecord }

/** The parts of a request of Express, or of Node.js itself, that are read. */
export type ExpressRequest = Readonly<{
  method?: string | undefined
  url?: string | undefined
  /** In Express: the URL before a router removed its part of the path. */
  originalUrl?: string
  /** In Express: the setting `trust proxy` decides. */
  protocol?: string
  socket: object
  /** From Node.js 18.3: every value of a header that was sent more than once. */
  headersDistinct?: Readonly<Record<string, string[] | undefined>>
  headers: Readonly<Record<string, string | string[] | undefined>>
}>

/** The parts of a response that are used. */
export type ExpressResponse = {
  statusCode: number
  setHeader(name: string, value: string): unknown
  end(body: string): unknown
  /** In Express: where the route finds the session. */
  locals?: Record<string, unknown>
}

type Next = (failure?: unknown) => void

export type ScopedOptions<Req extends ExpressRequest = ExpressRequest> = OptionsFor<Req>

/** Null if the header was not sent. Node.js drops a second `Authorization`, but two headers must not count as one. */
const headerOf =
  ({ headersDistinct, headers }: ExpressRequest) =>
  (name: string): string | null => {
    const value = headersDistinct?.[name.toLowerCase()] ?? headers[name.toLowerCase()]
    return value === undefined ? null : [value].flat().join(', ')
  }

/**
 * RFC 9110 §7.2: a host and perhaps a port. Node.js accepts any text, also one with a path, which would change the URL of a
 * DPoP proof.
 */
const HOST = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d*)?$/i

function urlOf(req: ExpressRequest): string {
  const scheme = req.protocol ?? ('encrypted' in req.socket ? 'https' : 'http')
  const host = String(req.headers.host)
  const url = `${scheme}://${host}${req.originalUrl ?? req.url}`
  return HOST.test(host) && URL.canParse(url) ? url : 'about:blank'
}

async function send(res: ExpressResponse, response: Response): Promise<void> {
  const body = await response.text()
  res.statusCode = response.status
  response.headers.forEach((value, name) => {
    res.setHeader(name, value)
  })
  res.end(body)
}

/**
 * Requires all of the scopes; `scoped(null)` requires any session, which the route finds in `res.locals.session`.
 * Responds with 401, 403 or 503 (a fault). The challenge of a 401 or 403 names all the scopes. An exception of the options'
 * own functions goes to `next`. Throws a TypeError for wrong options.
 *
 * @example app.get('/files', scoped('files:read', { audience, check }), (req, res) => res.json(res.locals.session))
 */
export function scoped<Req extends ExpressRequest = ExpressRequest>(
  required: Required,
  options: ScopedOptions<Req> = {},
) {
  const decide = decider<Req>(required, options, null)

  return function requireScope(req: Req, res: ExpressResponse, next: Next): void {
    admitted(req, res).then((isAllowed) => {
      if (isAllowed) next()
    }, next)
  }

  async function admitted(req: Req, res: ExpressResponse): Promise<boolean> {
    const asked = { method: req.method ?? '', url: urlOf(req), header: headerOf(req), request: req }
    const decision = await decide(asked, req)
    if (decision.kind === 'refused') {
      await send(res, decision.response)
      return false
    }
    res.locals = Object.assign(res.locals ?? {}, { session: decision.session })
    return true
  }
}

/**
 * The handler of `/.well-known/oauth-protected-resource`, followed by the path of `resource` if it has one (RFC 9728 §3.1).
 * Mount it with `app.all`, so that it also answers a browser's preflight. Throws a TypeError for wrong options.
 *
 * @example
 * const metadata = { resource: 'https://files.example', authorizationServers: ['https://auth.example.org'], scopes: ['files:read'] }
 * app.all('/.well-known/oauth-protected-resource', protectedResource(metadata))
 */
export function protectedResource(described: ProtectedResource) {
  const respond = metadataOf(described)
  return (req: ExpressRequest, res: ExpressResponse, next: Next): void => {
    send(res, respond(req.method ?? '', headerOf(req))).catch(next)
  }
}
