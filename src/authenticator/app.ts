/** The authenticator: one check, over HTTP for proxies (nginx `auth_request`, Caddy) and over a service binding. */

import { readSetting, startProblems } from '../config.ts'
import { proxySecretsIn } from '../crypto/proxy-secret.ts'
import { newCorrelationId } from '../crypto/random.ts'
import type { PublicKeySet } from '../crypto/signing-keys.ts'
import { withDeadline } from '../deadline.ts'
import { endOf, type SessionRecord } from '../domain/session.ts'
import type {
  Authentication,
  AuthenticationRequest,
  AuthenticatorBinding,
} from '../protocol/authentication.ts'
import {
  type Refusal,
  refusal,
  refusalBody,
  refusalParts,
  UNAVAILABLE,
} from '../protocol/bearer.ts'
import { KEY_SET_PATH, KEY_SET_SECONDS, KEY_SET_TYPE } from '../protocol/key-set.ts'
import { preflightHeaders } from '../protocol/preflight.ts'
import { liveSessions } from '../stores/live-sessions.ts'
import { type Checked, checkCredential, type Question } from './check.ts'
import { registryKeys, sessionSigner } from './keys.ts'
import { type Asking, type Defer, logFault, tell } from './log.ts'
import { NOT_A_PROXY, readOriginalRequest, readProxySecret } from './proxy.ts'
import { httpQuestion, readQuery } from './query.ts'
import { refusalRecorder } from './refusal-record.ts'
import { seenProofs } from './seen-proofs.ts'
import { type AuthenticatorEnv, NO_PROXY_SECRET, needsProxySecret } from './settings.ts'
import { signedTokens } from './signed-tokens.ts'

const JWT_LIFETIME_SECONDS = 300
/** How long a JWT is reused for a session whose record has not changed. */
const JWT_REUSED_SECONDS = 10

export const AUTHENTICATOR_PATHS: readonly string[] = ['/auth', '/healthz', KEY_SET_PATH]

/** Refusals are not recorded if there is no `defer`. */
export type Authenticator = Readonly<{
  fetch(request: Request, defer?: Defer): Promise<Response>
  authenticate(
    request: AuthenticationRequest,
    defer?: Defer,
  ): ReturnType<AuthenticatorBinding['authenticate']>
}>

/** Is called once per isolate. Never throws: with a wrong setting every response is 503, and the log names the setting. */
export function createAuthenticator(env: AuthenticatorEnv): Authenticator {
  const [problem] = startProblems('authenticator', env)
  return problem === undefined ? serving(env) : refusingAll(problem)
}

function serving(env: AuthenticatorEnv): Authenticator {
  const db = env.DB ?? null
  const waitSeconds = readSetting('STORAGE_TIMEOUT_SECONDS', env)
  const sessions = withDeadline(liveSessions(env.SESSIONS, db), waitSeconds)
  const proofs = withDeadline(seenProofs(db), waitSeconds)
  const signer = sessionSigner(env)
  const tokens = signedTokens(registryKeys(env, waitSeconds), env.ISSUER)
  const signed = new WeakMap<SessionRecord, Readonly<{ headers: Headers; reusedUntil: number }>>()

  const secrets = proxySecretsIn(env.PROXY_SECRET ?? '')
  const isSecretNeeded = needsProxySecret(env.ISSUER)
  const record = refusalRecorder(env, waitSeconds)
  const dataPoints = env.EVENTS ?? null
  const check = (question: Question, nowMs: number) =>
    checkCredential(question, { sessions, signed: tokens, proofs, nowMs, issuer: env.ISSUER })

  const headersFor = async (session: SessionRecord, nowMs: number) => {
    const now = Math.floor(nowMs / 1000)
    const kept = signed.get(session)
    if (kept && now < kept.reusedUntil) return kept.headers
    const end = endOf(session)
    const exp = Math.min(now + JWT_LIFETIME_SECONDS, end)
    const jwt = await signer.sign({ ...session, iss: env.ISSUER, iat: now, exp })
    const headers = new Headers(AUTHENTICATED)
    // The value has no scheme, because nginx passes the header's value on unchanged.
    headers.set('Authorization', jwt)
    signed.set(session, { headers, reusedUntil: Math.min(now + JWT_REUSED_SECONDS, end) })
    return headers
  }

  /** Logs the outcome and records a refusal for `why`. Returns the outcome without the cause, for the caller. */
  function concluded(asking: Asking, checked: Checked): Authentication {
    const correlationId = tell(asking, checked, dataPoints)
    if (checked.kind !== 'refused') return checked
    const { refusal } = checked
    if (correlationId === null) return { kind: 'refused', refusal }
    record(asking, checked, correlationId)
    return { kind: 'refused', refusal: { ...refusal, correlationId } }
  }

  const responseTo = async (outcome: Authentication, nowMs: number): Promise<Response> => {
    switch (outcome.kind) {
      case 'anonymous':
        return anonymous()
      case 'authenticated':
        return authenticated(await headersFor(outcome.session, nowMs))
      case 'refused':
        return refusalResponse(outcome.refusal)
      default:
        throw new Error(`no answer for ${outcome satisfies never}`)
    }
  }

  async function respond(request: Request, defer: Defer | undefined): Promise<Response> {
    const { method } = request
    const path = pathOf(request.url)
    if (!AUTHENTICATOR_PATHS.includes(path))
      return invalid('No endpoint has this path. The authenticator answers at /auth.', 404)
    if (path === KEY_SET_PATH && isPreflight(request)) return keySetPreflight(request)
    if (method !== 'GET' && method !== 'HEAD') {
      return invalid('The method must be GET or HEAD.', 405, { Allow: 'GET, HEAD' })
    }
    if (path === '/healthz') return healthy()
    if (path === KEY_SET_PATH) return keySet(await signer.publicKeys())
    if (isSecretNeeded && secrets.length === 0) {
      logFault('bad_setting', NO_PROXY_SECRET)
      return refusalResponse(UNAVAILABLE)
    }
    const nowMs = Date.now()
    const address = request.headers.get('CF-Connecting-IP') ?? ''
    const asking = { endpoint: 'GET /auth', startedAtMs: nowMs, address, defer }
    return responseTo(concluded(asking, await decide(request, nowMs).catch(unavailable)), nowMs)
  }

  async function decide(request: Request, nowMs: number): Promise<Checked> {
    const proxySecret = readProxySecret(request.headers, secrets)
    if (proxySecret === 'wrong' || (isSecretNeeded && proxySecret === 'absent')) {
      return { kind: 'refused', refusal: NOT_A_PROXY }
    }
    // Anyone can send these headers, so they are used only if the request has the proxy's secret.
    const original = proxySecret === 'shown' ? readOriginalRequest(request.headers) : null
    if (typeof original === 'string') return malformed(original)
    const query = readQuery(queryOf(request.url))
    return query.kind === 'read'
      ? check(httpQuestion(query.requirement, request.headers, original ?? request), nowMs)
      : malformed(query.reason)
  }

  /** Throws for a malformed request: a caller over a binding may not be written in TypeScript. */
  const questionOf = (asked: AuthenticationRequest): Question => ({
    authorization: asked.authorization ?? null,
    cookie: asked.cookie ?? null,
    dpop: asked.dpop ?? null,
    method: asked.method ?? '',
    url: asked.url ?? '',
    scopes: asked.scopes ?? [],
    resource: asked.resource ?? null,
    category: asked.category ?? null,
    audience: asked.audience ?? null,
    immediate: asked.immediate ?? false,
    required: asked.required ?? false,
  })

  return {
    async fetch(request, defer) {
      try {
        const response = await respond(request, defer)
        return request.method === 'HEAD' ? new Response(null, response) : response
      } catch (fault) {
        return refusalResponse(unavailable(fault).refusal)
      }
    },
    async authenticate(asked, defer) {
      const nowMs = Date.now()
      const ask = async () => check(questionOf(asked), nowMs)
      const asking = { endpoint: 'authenticate', startedAtMs: nowMs, address: '', defer }
      return concluded(asking, await ask().catch(unavailable))
    },
  }
}

const refusalResponse = (refused: Refusal) => new Response(...refusalParts(refused))

const malformed = (reason: string): Authentication => ({
  kind: 'refused',
  refusal: refusal('invalid_request', reason),
})

/** A fault is a 503, never an authenticated outcome. The log has its cause under the response's correlation id. */
function unavailable(fault: unknown) {
  const correlationId = newCorrelationId()
  logFault('authenticator_fault', fault, correlationId)
  return { kind: 'refused', refusal: { ...UNAVAILABLE, correlationId } } as const
}

function refusingAll(problem: string): Authenticator {
  const log = () => logFault('bad_setting', problem)
  return {
    async fetch() {
      log()
      return refusalResponse(UNAVAILABLE)
    },
    async authenticate() {
      log()
      return { kind: 'refused', refusal: UNAVAILABLE }
    },
  }
}

/** The path of an absolute URL, without normalization, because it is only compared with AUTHENTICATOR_PATHS. */
function pathOf(url: string): string {
  const start = url.indexOf('/', url.indexOf('://') + 3)
  const end = url.indexOf('?', start)
  return end === -1 ? url.slice(start) : url.slice(start, end)
}

function queryOf(url: string): string {
  const mark = url.indexOf('?')
  return mark === -1 ? '' : url.slice(mark + 1)
}

const HEADERS = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' }
const ANONYMOUS = new Headers({ ...HEADERS, 'X-Auth-Status': 'anonymous' })
const AUTHENTICATED = new Headers({ ...HEADERS, 'X-Auth-Status': 'authenticated' })

const healthy = () => new Response('{"status":"ok"}', { headers: HEADERS })
const anonymous = () => new Response('{"status":"anonymous"}', { headers: ANONYMOUS })

/** The response with public keys, which any caller may read and any cache may keep. */
const keySet = (keys: PublicKeySet) =>
  new Response(JSON.stringify(keys), {
    headers: {
      'Content-Type': KEY_SET_TYPE,
      'Cache-Control': `public, max-age=${KEY_SET_SECONDS}`,
      'Access-Control-Allow-Origin': '*',
    },
  })

const isPreflight = ({ method, headers }: Request) =>
  method === 'OPTIONS' && headers.has('Access-Control-Request-Method')

const keySetPreflight = ({ headers }: Request) =>
  new Response(null, {
    status: 204,
    headers: preflightHeaders(['GET', 'HEAD'], headers.get('Access-Control-Request-Headers')),
  })

const invalid = (reason: string, status: number, headers: Record<string, string> = {}) =>
  new Response(refusalBody({ error: 'invalid_request', reason }), {
    status,
    headers: { ...HEADERS, ...headers },
  })

const authenticated = (headers: Headers) => new Response('{"status":"authenticated"}', { headers })
