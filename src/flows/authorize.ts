/** The authorization endpoint's flow (RFC 6749 §4.1): who asks, who is asked, what is offered, what is answered. */

import { tokenDigestOf } from '../crypto/digest.ts'
import { mintToken } from '../crypto/token.ts'
import { meetEndorsements } from '../domain/category.ts'
import { type Client, isEnabled } from '../domain/client.ts'
import { consentTerms } from '../domain/consent.ts'
import type { ApprovedRedirectUri, ClientId } from '../domain/ids.ts'
import { formatScopes, meetScopes } from '../domain/scope.ts'
import type { SessionRecord } from '../domain/session.ts'
import type { User } from '../domain/user.ts'
import {
  type AuthorizationRequest,
  readAuthorizationRequest,
} from '../protocol/authorization-request.ts'
import { codeResponse, errorResponse } from '../protocol/authorization-response.ts'
import { OAuthError } from '../protocol/errors.ts'
import type { Fields } from '../protocol/fields.ts'
import { approveRedirect, displayHostOf, whyNotApproved } from '../protocol/redirect-uri.ts'
import { quoted } from '../protocol/sanitize.ts'
import { type Agreement, type Answer, agree, type Offer, type Question } from './consent.ts'
import type { Deps, RequestContext } from './deps.ts'
import { userOf } from './user-of.ts'

export type AuthorizeOutcome =
  | Readonly<{ kind: 'sign_in' }>
  /** The operator has disabled the user who is signed in. */
  | Readonly<{ kind: 'disabled_user' }>
  | (Readonly<{ kind: 'ask_consent'; user: User }> & Question)
  | Readonly<{ kind: 'send_back'; to: string; refusal: OAuthError | null }>

/** Who asks, and where the answer may go. */
export type Asking = Readonly<{ client: Client; redirect: ApprovedRedirectUri }>

/**
 * The first thing to know. Throws `OAuthError` for the person at the browser: without a client and an address
 * that is its own, nobody is redirected anywhere.
 */
export async function identifyAsking(
  asked: Readonly<{ clientId: ClientId | undefined; redirectUri: string | undefined }>,
  deps: Pick<Deps, 'clients'>,
): Promise<Asking> {
  const client = asked.clientId === undefined ? null : await deps.clients.findFresh(asked.clientId)
  if (!client || !isEnabled(client)) {
    throw new OAuthError('invalid_request', 'No such application is registered here.', {
      detail: client ? 'disabled client' : 'unknown client_id',
    })
  }
  const redirect = approveRedirect(client, asked.redirectUri)
  if (!redirect) {
    throw new OAuthError(
      'invalid_request',
      'The application asked to send you to an address that is not registered for it.',
      { detail: whyNotApproved(client, asked.redirectUri) },
    )
  }
  return { client, redirect }
}

/** The browser's session as KV shows it, and the question whether it still holds. */
export type SeenSession = Readonly<{ record: SessionRecord; holds: () => Promise<boolean> }>

/** One request to the endpoint. */
export type Asked = Readonly<{
  /** As they came. */
  fields: Fields
  asking: Asking
  session: SeenSession | null
  /** Reads the consent form, and throws when another site sent it; null on GET. */
  readAnswer: (() => Promise<Answer>) | null
  /** What is wrong with the fields as a whole. */
  malformed: OAuthError | null
}>

/**
 * A fault of the request is told to the client only once a user has signed in: RFC 9700 §4.11.2, so that a link to
 * us is no free redirect.
 */
export async function authorize(
  { fields, asking, session: seen, readAnswer, malformed }: Asked,
  deps: Deps,
  context: RequestContext,
): Promise<AuthorizeOutcome> {
  if (!seen?.record.user) return { kind: 'sign_in' }
  const { client, redirect } = asking
  // The primary is asked both at once; how the user stands is heard only if the session holds.
  const understood = understand(fields, client, malformed, seen.record.user.user_id, deps)
  understood.catch(() => {})
  if (!(await seen.holds())) return { kind: 'sign_in' }
  const answer = readAnswer && (await readAnswer())
  const common = { state: fields.get('state'), issuer: deps.issuer }
  try {
    const { request, standing } = await understood
    const user = userOf(seen.record, standing, deps.usersAreExternal)
    if (user === null) return { kind: 'sign_in' }
    if (user === 'disabled') return { kind: 'disabled_user' }
    const offered = offer(request, client, user)
    const terms = consentTerms(client, displayHostOf(redirect), offered)
    const decided = await agree({ fields, asking, user, offered, terms, standing, answer }, deps)
    if (decided.kind === 'ask') return { ...decided.question, kind: 'ask_consent', user }
    const agreed = { ...decided.agreement, fields, request, client, redirect, user }
    const code = await issueCode(agreed, deps, context)
    return { kind: 'send_back', to: codeResponse(redirect, code, common), refusal: null }
  } catch (cause) {
    if (!(cause instanceof OAuthError)) throw cause
    // A form that may be forged sends nobody anywhere.
    if (answer?.kind === 'out_of_date') throw answer.refusal
    return { kind: 'send_back', to: errorResponse(redirect, cause, common), refusal: cause }
  }
}

/** What is asked, and how the user stands with the client. A request that is no good asks nothing of storage. */
async function understand(
  fields: Fields,
  client: Client,
  malformed: OAuthError | null,
  userId: string,
  deps: Pick<Deps, 'users'>,
) {
  if (malformed) throw malformed
  const request = readAuthorizationRequest(fields, client)
  return { request, standing: await deps.users.standing(userId, client.clientId) }
}

/** Requested, authorized for the client, held by the user. */
function offer(request: AuthorizationRequest, client: Client, user: User): Offer {
  const scopes = meetScopes(meetScopes(request.scopes, client.scopes), user.scopes)
  if (scopes.length === 0) {
    throw new OAuthError('invalid_scope', 'The user holds none of the requested scopes.', {
      detail: `the user holds none of ${quoted(formatScopes(request.scopes))}`,
    })
  }
  return { scopes, endorsements: meetEndorsements(client.endorsements, user.endorsements) }
}

async function issueCode(
  granted: Agreement &
    Readonly<{
      fields: Fields
      request: AuthorizationRequest
      client: Client
      redirect: ApprovedRedirectUri
      user: User
    }>,
  deps: Pick<Deps, 'authorizations' | 'codeLifetimeSeconds'>,
  { now, log }: RequestContext,
): Promise<string> {
  const { client, redirect, user, scopes, endorsements } = granted
  const code = mintToken('authorizationCode')
  const record = {
    clientId: client.clientId,
    user: { ...pickIdentity(user), scopes, endorsements },
    redirectUri: redirect,
    redirectUriSent: granted.fields.has('redirect_uri'),
    codeChallenge: granted.request.codeChallenge,
    dpopJkt: granted.request.dpopJkt,
    issuedAt: now,
    expiresAt: now + deps.codeLifetimeSeconds,
  }
  const asOfMs = Math.min(client.readAtMs, user.readAtMs ?? client.readAtMs)
  const { consent } = granted
  const kvFault = await deps.authorizations.grant(
    await tokenDigestOf(code),
    record,
    consent,
    asOfMs,
  )
  if (kvFault) log('code_not_carried', { fault: kvFault })
  return code
}

const pickIdentity = ({ userId, username, email }: User) => ({ userId, username, email })
