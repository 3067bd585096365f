/** Runs a request without its effects: the code that serves every request runs on stores that only read. */

import { Hono } from 'hono'
import type { Settings } from '../../config.ts'
import { createKeys } from '../../crypto/key-rotation.ts'
import type { SigningKeys } from '../../crypto/signing-keys.ts'
import type { SessionRecord } from '../../domain/session.ts'
import { decideAuthorization } from '../../flows/authorize.ts'
import type { RequestContext } from '../../flows/deps.ts'
import { identifyClient } from '../../flows/identify-client.ts'
import type { HttpContext, RequestEnv } from '../../http/request-context.ts'
import { readAddressee } from '../../protocol/authorization-request.ts'
import type { CheckName } from '../../protocol/checks.ts'
import { OAuthError } from '../../protocol/errors.ts'
import type { Pairs } from '../../protocol/fields.ts'
import { receiveAuthorization } from '../../routes/authorization-pairs.ts'
import type { RouteDeps } from '../../routes/endpoint.ts'
import { tokenEndpoint } from '../../routes/token.ts'
import { type CheckerStores, OtherClient, type Seen } from './stores.ts'

/** What would be issued, without the tokens themselves. */
type Issued = Readonly<{
  tokenType: string
  lifetimeSeconds: number
  scopes: string
  hasRefreshToken: boolean
}>

export type Outcome =
  | Readonly<{ kind: 'refused'; refusal: OAuthError }>
  | Readonly<{ kind: 'other_client' }>
  | Readonly<{ kind: 'issued'; issued: Issued }>
  /** What the authorization endpoint would do with the visitor's browser. */
  | Readonly<{ kind: 'sign_in' | 'ask_consent' | 'code' }>

export type Run = Readonly<{
  outcome: Outcome
  /** The checks in the order in which they began. Only the last one can have failed. */
  checks: readonly CheckName[]
  seen: Seen
}>

type Asked = Readonly<{
  clientId: string
  settings: Settings
  stores: CheckerStores
  context: Pick<RequestContext, 'now' | 'nowMs'>
}>

/**
 * The management Worker does not have the registry's keys. These keys sign tokens that are never issued. They are made once
 * per isolate. The promise is not stored, because one request must not wait for the work of another.
 */
let keys: SigningKeys | undefined

async function prepared({ clientId, settings, stores, context }: Asked) {
  keys ??= await createKeys('ES256', context.now)
  const usersAreExternal = settings.loginUrl !== null
  const { ports, seen } = stores(clientId, usersAreExternal)
  const checks: CheckName[] = ['request']
  const deps: RouteDeps = {
    ...settings,
    ...ports,
    usersAreExternal,
    signingKeys: keys,
    checking: (check) => void checks.push(check),
    hasPortal: true,
    // The limit never refuses, so no failure is counted.
    loginLimit: { limit: async () => ({ success: true }) },
    refusalLimit: { limit: async () => ({ success: true }) },
    fetchLogo: async () => {},
    probe: async () => {},
  }
  const request: RequestContext = {
    ...context,
    correlationId: () => '',
    ipAddress: '',
    defer: (work) => void work.catch(() => {}),
    log: () => {},
  }
  return { deps, request, checks, seen }
}

/** Returns a refusal as an outcome. Faults are thrown. */
async function outcomeOf(serving: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await serving()
  } catch (cause) {
    if (cause instanceof OtherClient) return { kind: 'other_client' }
    if (cause instanceof OAuthError) return { kind: 'refused', refusal: cause }
    throw cause
  }
}

/** Calls `handle` with the context of a request that reached the Worker. */
async function within<T>(
  request: Request,
  context: RequestContext,
  handle: (c: HttpContext) => Promise<T>,
): Promise<T> {
  let handled: Promise<T> | undefined
  const app = new Hono<RequestEnv>()
  app.all('*', async (c) => {
    c.set('request', context)
    handled = handle(c)
    await handled.catch(() => {})
    return c.body(null)
  })
  await app.fetch(request)
  if (handled === undefined) throw new Error('the request was not handled')
  return handled
}

export async function runTokenRequest(sent: Request, asked: Asked): Promise<Run> {
  const { deps, request, checks, seen } = await prepared(asked)
  const outcome = await outcomeOf(() =>
    within(sent, request, async (c) => {
      const body = (await tokenEndpoint.post?.(c, deps)) as Record<string, unknown>
      const issued = {
        tokenType: String(body.token_type),
        lifetimeSeconds: Number(body.expires_in),
        scopes: String(body.scope),
        hasRefreshToken: 'refresh_token' in body,
      }
      return { kind: 'issued', issued }
    }),
  )
  return { outcome, checks, seen }
}

/** Runs the request as if the visitor's browser sent it. */
export async function runAuthorization(
  pairs: Pairs,
  record: SessionRecord,
  asked: Asked,
): Promise<Run> {
  const { deps, request, checks, seen } = await prepared(asked)
  const outcome = await outcomeOf(async () => {
    const { fields, malformed } = receiveAuthorization(pairs, deps.issuer, request.now)
    const identified = await identifyClient(readAddressee(fields), deps, request.now)
    if (identified === 'needs_document') return { kind: 'other_client' }
    const session = { record, holds: async () => true }
    const received = { fields, identified, session, readAnswer: null, malformed }
    const decided = await decideAuthorization(received, deps, request)
    switch (decided.kind) {
      case 'sign_in':
      case 'disabled_user':
        return { kind: 'sign_in' }
      case 'ask_consent':
        return { kind: 'ask_consent' }
      default:
        return decided.refusal ? { kind: 'refused', refusal: decided.refusal } : { kind: 'code' }
    }
  })
  return { outcome, checks, seen }
}
