/** The authenticator: the same check over HTTP, for nginx's `auth_request`, and over a service binding. */

import { Hono } from 'hono/tiny'
import { importSecret, type SharedKey, signJwt } from '../crypto/jws.ts'
import { endOf, type SessionRecord } from '../domain/session.ts'
import type { Authentication, AuthenticatorBinding } from '../protocol/authentication.ts'
import { refusal, refusalResponse, UNAVAILABLE } from '../protocol/bearer.ts'
import { withDeadline } from '../stores/deadline.ts'
import { liveSessions } from '../stores/live-sessions.ts'
import { checkCredential, type Question } from './check.ts'
import { logFault } from './log.ts'
import { readQuery } from './query.ts'
import { seenProofs } from './seen-proofs.ts'
import { type AuthenticatorEnv, settingProblem, storageTimeoutOf } from './settings.ts'

const JWT_LIFETIME_SECONDS = 300

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
  const sessions = withDeadline(liveSessions(env.SESSIONS, db), waitSeconds)
  const proofs = withDeadline(seenProofs(db), waitSeconds)
  let key: SharedKey | undefined

  const check = (question: Question, nowMs: number) =>
    checkCredential(question, { sessions, proofs, nowMs, issuer: env.ISSUER })

  const jwtOf = async (session: SessionRecord, nowMs: number) => {
    const now = Math.floor(nowMs / 1000)
    const exp = Math.min(now + JWT_LIFETIME_SECONDS, endOf(session))
    key ??= await importSecret(env.JWT_SECRET)
    return signJwt({ ...session, iss: env.ISSUER, iat: now, exp }, key)
  }

  const answer = async (outcome: Authentication, nowMs: number): Promise<Response> => {
    switch (outcome.kind) {
      case 'anonymous':
        return passed('anonymous')
      case 'authenticated':
        return passed('authenticated', await jwtOf(outcome.session, nowMs))
      case 'refused':
        return refusalResponse(outcome.refusal)
      default:
        throw new Error(`no answer for ${outcome satisfies never}`)
    }
  }

  const app = new Hono()
  app.get('/auth', async (c) => {
    const { method, url, headers } = c.req.raw
    const mark = url.indexOf('?')
    const query = readQuery(mark === -1 ? '' : url.slice(mark + 1))
    if (query.kind === 'malformed') {
      return refusalResponse(refusal('invalid_request', query.reason))
    }
    const nowMs = Date.now()
    const outcome = await check(
      {
        ...query.requirement,
        authorization: headers.get('Authorization'),
        cookie: headers.get('Cookie'),
        dpop: headers.get('DPoP'),
        // nginx tells what it was asked (examples/nginx.conf). Whoever asks here directly proves what it likes.
        method: headers.get('X-Original-Method') ?? method,
        url: headers.get('X-Original-URL') ?? url,
      },
      nowMs,
    )
    return answer(outcome, nowMs)
  })
  app.get('/healthz', () => json({ status: 'ok' }, 200))
  for (const path of ['/auth', '/healthz']) {
    app.all(path, () => json({ reason: 'method not allowed' }, 405, { Allow: 'GET, HEAD' }))
  }
  app.notFound(() => json({ reason: 'not found' }, 404))
  const unavailable = (fault: unknown) => {
    logFault('authenticator_fault', fault)
    return refusalResponse(UNAVAILABLE)
  }
  app.onError(unavailable)

  return {
    // Hono hands only an Error to `onError`.
    fetch: async (request) => {
      try {
        return await app.fetch(request)
      } catch (fault) {
        return unavailable(fault)
      }
    },
    async authenticate(asked) {
      try {
        const question = {
          authorization: asked.authorization ?? null,
          cookie: asked.cookie ?? null,
          dpop: asked.dpop ?? null,
          method: asked.method ?? '',
          url: asked.url ?? '',
          scopes: asked.scopes ?? [],
          resource: asked.resource ?? null,
          category: asked.category ?? null,
          immediate: asked.immediate ?? false,
        }
        return await check(question, Date.now())
      } catch (fault) {
        logFault('authenticator_fault', fault)
        return { kind: 'refused', refusal: UNAVAILABLE }
      }
    },
  }
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

const json = (body: unknown, status: number, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(body), {
    status,
    headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', ...headers },
  })

/** The JWT stands alone, without a scheme word: nginx hands the value on as it is. */
const passed = (status: 'anonymous' | 'authenticated', jwt?: string) =>
  json({ status }, 200, { 'X-Auth-Status': status, ...(jwt && { Authorization: jwt }) })
