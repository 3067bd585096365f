/** The authenticator: the same check over HTTP, for nginx's `auth_request`, and over a service binding. */

import { newCorrelationId } from '../crypto/correlation-id.ts'
import { importSecret, type SharedKey, signJwt } from '../crypto/jws.ts'
import { Deadlines } from '../deadlines.ts'
import { endOf, type SessionRecord } from '../domain/session.ts'
import type {
  Authentication,
  AuthenticationRequest,
  AuthenticatorBinding,
} from '../protocol/authentication.ts'
import { refusal, refusalResponse, UNAVAILABLE } from '../protocol/bearer.ts'
import { withDeadline } from '../stores/deadline.ts'
import { liveSessions } from '../stores/live-sessions.ts'
import { checkCredential, type Question } from './check.ts'
import { logFault, tell } from './log.ts'
import { type Requirement, readQuery } from './query.ts'
import { seenProofs } from './seen-proofs.ts'
import { type AuthenticatorEnv, settingProblem, storageTimeoutOf } from './settings.ts'

const JWT_LIFETIME_SECONDS = 300
/** A session that is shown again so soon gets the JWT that was signed for it, if it still is as it was. */
const JWT_REUSED_SECONDS = 10

export type Authenticator = AuthenticatorBinding &
  Readonly<{ fetch(request: Request): Promise<Response> }>

/** Once per isolate. Never throws: with a bad setting every answer is 503, and the log names the setting. */
export function createAuthenticator(env: AuthenticatorEnv): Authenticator {
  const problem = settingProblem(env)
  return problem === null ? serving(env) : refusingAll(problem)
}

function serving(env: AuthenticatorEnv): Authenticator {
  const db = env.DB ?? null
  const waitSeconds = storageTimeoutOf(env)
  const deadlines = () => new Deadlines()
  const sessions = withDeadline(liveSessions(env.SESSIONS, db), waitSeconds, deadlines)
  const proofs = withDeadline(seenProofs(db), waitSeconds, deadlines)
  let key: SharedKey | undefined
  const signed = new WeakMap<SessionRecord, Readonly<{ jwt: string; reusedUntil: number }>>()

  const dataPoints = env.EVENTS ?? null
  const check = (question: Question, nowMs: number) =>
    checkCredential(question, { sessions, proofs, nowMs, issuer: env.ISSUER })

  const jwtOf = async (session: SessionRecord, nowMs: number) => {
    const now = Math.floor(nowMs / 1000)
    const kept = signed.get(session)
    if (kept && now < kept.reusedUntil) return kept.jwt
    const end = endOf(session)
    const exp = Math.min(now + JWT_LIFETIME_SECONDS, end)
    key ??= await importSecret(env.JWT_SECRET)
    const jwt = await signJwt({ ...session, iss: env.ISSUER, iat: now, exp }, key)
    signed.set(session, { jwt, reusedUntil: Math.min(now + JWT_REUSED_SECONDS, end) })
    return jwt
  }

  const answer = async (outcome: Authentication, nowMs: number): Promise<Response> => {
    switch (outcome.kind) {
      case 'anonymous':
        return anonymous()
      case 'authenticated':
        return authenticated(await jwtOf(outcome.session, nowMs))
      case 'refused':
        return refusalResponse(outcome.refusal)
      default:
        throw new Error(`no answer for ${outcome satisfies never}`)
    }
  }

  async function answerHttp(request: Request): Promise<Response> {
    const { method } = request
    const path = pathOf(request.url)
    if (path !== '/auth' && path !== '/healthz') return json({ reason: 'not found' }, 404)
    if (method !== 'GET' && method !== 'HEAD') {
      return json({ reason: 'method not allowed' }, 405, { Allow: 'GET, HEAD' })
    }
    if (path === '/healthz') return json({ status: 'ok' }, 200)
    const nowMs = Date.now()
    const outcome = await decide(request, nowMs).catch(unavailable)
    const correlationId = tell('GET /auth', outcome, nowMs, dataPoints)
    const response = await answer(outcome, nowMs)
    return correlationId === null ? response : withId(response, correlationId)
  }

  async function decide(request: Request, nowMs: number): Promise<Authentication> {
    const query = readQuery(queryOf(request.url))
    return query.kind === 'read'
      ? check(new HttpQuestion(query.requirement, request), nowMs)
      : { kind: 'refused', refusal: refusal('invalid_request', query.reason) }
  }

  /** Throws when it is not what it should be: whoever calls over a binding may be written in anything. */
  const questionOf = (asked: AuthenticationRequest): Question => ({
    authorization: asked.authorization ?? null,
    cookie: asked.cookie ?? null,
    dpop: asked.dpop ?? null,
    method: asked.method ?? '',
    url: asked.url ?? '',
    scopes: asked.scopes ?? [],
    resource: asked.resource ?? null,
    category: asked.category ?? null,
    immediate: asked.immediate ?? false,
  })

  return {
    async fetch(request) {
      try {
        const response = await answerHttp(request)
        return request.method === 'HEAD' ? new Response(null, response) : response
      } catch (fault) {
        const { refusal, correlationId } = unavailable(fault)
        return withId(refusalResponse(refusal), correlationId)
      }
    },
    async authenticate(asked) {
      const nowMs = Date.now()
      const ask = async () => check(questionOf(asked), nowMs)
      const outcome = await ask().catch(unavailable)
      tell('authenticate', outcome, nowMs, dataPoints)
      // Over a binding there is no header for the id, and the answer is what it is promised to be.
      return outcome.kind === 'refused' ? { kind: 'refused', refusal: outcome.refusal } : outcome
    },
  }
}

/** Of its headers each is asked for only where it matters. */
class HttpQuestion implements Question {
  readonly scopes: Requirement['scopes']
  readonly resource: Requirement['resource']
  readonly category: Requirement['category']
  readonly immediate: Requirement['immediate']
  readonly #request: Request

  constructor(requirement: Requirement, request: Request) {
    this.scopes = requirement.scopes
    this.resource = requirement.resource
    this.category = requirement.category
    this.immediate = requirement.immediate
    this.#request = request
  }

  get authorization() {
    return this.#request.headers.get('Authorization')
  }

  get cookie() {
    return this.#request.headers.get('Cookie')
  }

  get dpop() {
    return this.#request.headers.get('DPoP')
  }

  /** nginx tells what it was asked (examples/nginx.conf). Whoever asks here directly proves what it likes. */
  get method() {
    return this.#request.headers.get('X-Original-Method') ?? this.#request.method
  }

  get url() {
    return this.#request.headers.get('X-Original-URL') ?? this.#request.url
  }
}

/** Never an open door. The id is that of the answer, and of the line that says what was decided. */
function unavailable(fault: unknown) {
  const correlationId = newCorrelationId()
  logFault('authenticator_fault', fault, correlationId)
  return { kind: 'refused', refusal: UNAVAILABLE, correlationId } as const
}

function withId(response: Response, correlationId: string): Response {
  response.headers.set('X-Correlation-Id', correlationId)
  return response
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

/** Of an absolute URL, as it stands: what it holds is compared with two words and nothing more. */
function pathOf(url: string): string {
  const start = url.indexOf('/', url.indexOf('://') + 3)
  const end = url.indexOf('?', start)
  return end === -1 ? url.slice(start) : url.slice(start, end)
}

function queryOf(url: string): string {
  const mark = url.indexOf('?')
  return mark === -1 ? '' : url.slice(mark + 1)
}

const json = (body: unknown, status: number, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(body), {
    status,
    headers: { ...HEADERS, ...headers },
  })

const HEADERS = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' }
const ANONYMOUS = new Headers({ ...HEADERS, 'X-Auth-Status': 'anonymous' })
const AUTHENTICATED = new Headers({ ...HEADERS, 'X-Auth-Status': 'authenticated' })

const anonymous = () => new Response('{"status":"anonymous"}', { headers: ANONYMOUS })

/** The JWT stands alone, without a scheme word: nginx hands the value on as it is. */
function authenticated(jwt: string): Response {
  const response = new Response('{"status":"authenticated"}', { headers: AUTHENTICATED })
  response.headers.set('Authorization', jwt)
  return response
}
