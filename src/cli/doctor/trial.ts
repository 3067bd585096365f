/** A trial on the deployment itself: a temporary client and user, codes and tokens of theirs, and their removal. */

import { setTimeout as wait } from 'node:timers/promises'
import { hexDigest, sessionKeyOf, tokenDigestOf } from '../../crypto/digest.ts'
import { mintToken } from '../../crypto/token.ts'
import type { ApprovedRedirectUri, ClientId } from '../../domain/ids.ts'
import type { Storage } from '../../local/state.ts'
import { authorizationStore } from '../../stores/codes.ts'
import {
  createTemporarySubjects,
  removeLeftSubjects,
  removeRefusals,
  removeTemporarySubjects,
  temporaryId,
} from '../../stores/doctor.ts'
import { revokeStatement } from '../../stores/revocation-statements.ts'
import { revocationStore } from '../../stores/revocations.ts'
import { ask } from './check.ts'

const NAME = 'Temporary client of the doctor'
/** RFC 2606: no such host exists. No service knows the scope. */
const REDIRECT_URI = 'https://doctor.invalid/callback' as ApprovedRedirectUri
const SCOPE = 'doctor:check'
const CODE_LIFETIME_SECONDS = 60
/** Longer than any run takes, so that two may run at once. */
const LEFT_AFTER_SECONDS = 600
const REFUSAL_TRIES = 10
const REFUSAL_PAUSE_MS = 200

/** `error` is a code of the RFCs, or nothing. */
type TokenAnswer = Readonly<{
  status: number
  token: string | null
  error: string
}>

/** For the operator: never more than the status and the code of the error. */
export const said = ({ status, error }: Pick<TokenAnswer, 'status' | 'error'>) =>
  `${status}${error && ` ${error}`}`

export type Trial = ReturnType<typeof newTrial>

export function newTrial(
  { db, sessions, codes }: Storage,
  { issuer, proxySecret }: Readonly<{ issuer: string; proxySecret: string | null }>,
) {
  const id = temporaryId()
  const secret = mintToken('clientSecret')
  const left = { codes: [] as string[], sessions: [] as string[], refusals: new Set<string>() }
  let lifetimeSeconds = CODE_LIFETIME_SECONDS
  let begun: Promise<void> | undefined
  const epochSeconds = () => Math.floor(Date.now() / 1000)
  /** Begins the trial once. */
  const ready = () => {
    begun ??= begin()
    return begun
  }

  /** Refusals are recorded under the ids of their responses. */
  function note({ ok, headers }: Response) {
    const id = headers.get('X-Correlation-Id')
    if (!ok && id) left.refusals.add(id)
  }

  /** A refusal is recorded after its response, and not at all where there were too many. */
  async function removeNotedRefusals() {
    const missing = new Set(left.refusals)
    for (let tries = 0; missing.size > 0 && tries < REFUSAL_TRIES; tries++) {
      if (tries > 0) await wait(REFUSAL_PAUSE_MS)
      for (const removed of await removeRefusals(db, [...missing])) missing.delete(removed)
    }
  }

  async function begin() {
    const now = epochSeconds()
    await removeLeftSubjects(db, now - LEFT_AFTER_SECONDS)
    const secretDigest = await hexDigest(secret)
    const subjects = { name: NAME, redirectUri: REDIRECT_URI, scope: SCOPE, secretDigest, now }
    await createTemporarySubjects(db, id, subjects)
  }

  async function askForToken(fields: Readonly<Record<string, string>>): Promise<TokenAnswer> {
    await ready()
    const body = new URLSearchParams({ ...fields, client_id: id, client_secret: secret })
    const response = await ask(`${issuer}/token`, { method: 'POST', body })
    const answer = (await response.json().catch(() => ({}))) as Record<string, unknown>
    const token = typeof answer.access_token === 'string' ? answer.access_token : null
    if (token !== null) left.sessions.push(await sessionKeyOf(token))
    note(response)
    if (typeof answer.expires_in === 'number') lifetimeSeconds = answer.expires_in
    const error = /^[a-z_]+$/.test(String(answer.error)) ? String(answer.error) : ''
    return { status: response.status, token, error }
  }

  return {
    /** The token of a session that the authenticator has seen; null: there is none so far. */
    seen: null as string | null,

    /** Shows the token to the authenticator, as a proxy does. */
    async present(authenticatorUrl: string, token: string, query = ''): Promise<Response> {
      const response = await ask(`${authenticatorUrl}/auth${query}`, {
        headers: {
          Authorization: `Bearer ${token}`,
          ...(proxySecret !== null && { 'X-Proxy-Secret': proxySecret }),
        },
      })
      note(response)
      // Frees the connection: only the status and the headers are read.
      await response.arrayBuffer()
      return response
    },

    /** As the consent page does once the user has allowed it. */
    async issueCode(codeChallenge: string): Promise<string> {
      await ready()
      const code = mintToken('authorizationCode')
      const codeDigest = await tokenDigestOf(code)
      left.codes.push(codeDigest)
      const now = epochSeconds()
      const user = { userId: id, username: id, email: '', scopes: [SCOPE], endorsements: [] }
      const record = {
        clientId: id as ClientId,
        user,
        redirectUri: REDIRECT_URI,
        redirectUriSent: true,
        codeChallenge,
        dpopJkt: null,
        issuedAt: now,
        expiresAt: now + CODE_LIFETIME_SECONDS,
      }
      await authorizationStore(db, codes).grant(codeDigest, record, null, 0)
      return code
    },

    redeem: (code: string, codeVerifier: string) =>
      askForToken({
        grant_type: 'authorization_code',
        code,
        redirect_uri: REDIRECT_URI,
        code_verifier: codeVerifier,
      }),

    ownToken: () => askForToken({ grant_type: 'client_credentials', scope: SCOPE }),

    /** As `session revoke` does. Returns whether KV was written. */
    async revoke(token: string): Promise<boolean> {
      const revocations = revocationStore(db, sessions, lifetimeSeconds)
      return revocations.endSessions([await sessionKeyOf(token)])
    },

    /** In D1 only, so that only a check that reads D1 sees it. */
    async revokeInD1(token: string) {
      const keys = [await sessionKeyOf(token)]
      await revokeStatement(db, 'session', keys, lifetimeSeconds).run()
    },

    async remove() {
      if (!begun) return
      await begun.catch(() => {})
      await Promise.all([
        ...left.sessions.map((key) => sessions.delete(key)),
        ...left.codes.map((key) => codes.delete(key)),
      ])
      await removeTemporarySubjects(db, id, left.sessions)
      await removeNotedRefusals()
    },
  }
}
