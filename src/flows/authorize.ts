/** The authorization endpoint's flow (RFC 6749 §4.1): which client asks, which user answers, what is granted. */

import { tokenDigestOf } from '../crypto/digest.ts'
import { mintToken } from '../crypto/token.ts'
import { meetEndorsements } from '../domain/category.ts'
import { type Client, getsRefreshToken } from '../domain/client.ts'
import { consentTerms, type Offer } from '../domain/consent.ts'
import { resourcesWith, urisOf } from '../domain/resource.ts'
import { formatScopes, meetScopes } from '../domain/scope.ts'
import type { SessionRecord } from '../domain/session.ts'
import type { User } from '../domain/user.ts'
import {
  type AuthorizationRequest,
  readAuthorizationRequest,
} from '../protocol/authorization-request.ts'
import { OAuthError } from '../protocol/errors.ts'
import type { Fields } from '../protocol/fields.ts'
import { isSilent, signInFor } from '../protocol/interaction.ts'
import { codeResponse, displayHostOf, errorResponse } from '../protocol/redirect-uri.ts'
import { quoted } from '../protocol/sanitize.ts'
import { type Agreement, agree, type ConsentAnswer, type ConsentQuestion } from './consent.ts'
import type { Deps, RequestContext } from './deps.ts'
import type { IdentifiedClient } from './identify-client.ts'
import { prefetch } from './prefetch.ts'
import { userOf } from './still-held.ts'

type AuthorizeOutcome =
  | Readonly<{ kind: 'sign_in' }>
  | Readonly<{ kind: 'disabled_user' }>
  /** `logo`: the digest of the client's logo; null if there is none. */
  | (Readonly<{ kind: 'ask_consent'; user: User; logo: string | null }> & ConsentQuestion)
  /** The user holds none of the requested scopes. A page explains this before the browser is sent `to` the client. */
  | Readonly<{ kind: 'nothing_held'; to: string; refusal: OAuthError }>
  /** A page explains the refusal and has a link `to` the client, which the user need not follow. */
  | Readonly<{ kind: 'not_sent_back'; to: string; refusal: OAuthError }>
  | Readonly<{ kind: 'send_back'; to: string; refusal: OAuthError | null }>

/** The browser's session as KV shows it. `holds` asks D1 whether the session was revoked. */
type SeenSession = Readonly<{ record: SessionRecord; holds: () => Promise<boolean> }>

type ReceivedRequest = Readonly<{
  fields: Fields
  identified: IdentifiedClient
  session: SeenSession | null
  /** Reads the consent form, and throws if another site sent the form; null on GET. */
  readAnswer: (() => Promise<ConsentAnswer>) | null
  /** The fault of the fields as a whole; null if there is none. */
  malformed: OAuthError | null
}>

/**
 * A fault of the request is sent to the client only once a user has signed in (RFC 9700 §4.11.2), so that a link to the
 * registry does not redirect everyone who opens it. Anybody can register a client. So the browser is sent to a client that
 * registered itself only if the user has answered the consent page for this client, now or before.
 */
export async function decideAuthorization(
  received: ReceivedRequest,
  deps: Deps,
  context: RequestContext,
): Promise<AuthorizeOutcome> {
  const { fields, identified, session, readAnswer } = received
  const { client, redirect } = identified
  const common = { state: fields.get('state'), issuer: deps.issuer }
  const isTrusted = client.selfRegistered === null
  const back = (refusal: OAuthError) => ({
    to: errorResponse(redirect, refusal, common),
    refusal,
  })
  // RFC 9700 §4.11.2 has an exception for silent requests: the client asked not to involve the user.
  const signIn = (): AuthorizeOutcome => {
    if (!isSilent(fields)) return { kind: 'sign_in' }
    const refusal = loginRequired('nobody is signed in')
    if (!isTrusted) throw refusal
    return { kind: 'send_back', ...back(refusal) }
  }
  if (!session?.record.user) return signIn()
  // Both reads of D1 run at once. The second result is used only if the session was not revoked.
  const understood = prefetch(
    understand(received, session.record.user.user_id, session.record, deps),
  )
  if (!(await session.holds())) return signIn()
  const answer = readAnswer && (await readAnswer())
  try {
    const { request, standing } = await understood
    deps.checking?.('user')
    const user = userOf(session.record, standing.user, deps.usersAreExternal)
    if (user === null) return signIn()
    if (user === 'disabled') {
      if (isSilent(fields)) throw loginRequired('the user is disabled')
      return { kind: 'disabled_user' }
    }
    if (mustSignIn(request, session.record, deps, context)) return { kind: 'sign_in' }
    const offered = offer(request, client, user, deps)
    if (offered.scopes.length === 0) {
      const refusal = nothingHeld(request)
      if (isSilent(fields) || answer?.kind === 'out_of_date') throw refusal
      return { kind: 'nothing_held', ...back(refusal) }
    }
    const shown = { ...client, ...standing.details }
    const terms = consentTerms(shown, displayHostOf(redirect), offered, standing.catalogue)
    const { interaction } = request
    const question = { fields, identified, user, offered, terms, standing, answer, interaction }
    const decided = await agree(question, deps)
    if (decided.kind === 'ask') {
      return { ...decided.question, kind: 'ask_consent', user, logo: standing.details.logo }
    }
    const authTime = signedInAt(session.record)
    const granted = { ...question, ...decided.agreement, request, authTime }
    const code = await issueCode(granted, deps, context)
    return { kind: 'send_back', to: codeResponse(redirect, code, common), refusal: null }
  } catch (cause) {
    if (!(cause instanceof OAuthError)) throw cause
    // Another site may have made the form, so the form must not cause a redirect.
    if (answer?.kind === 'out_of_date') throw answer.refusal
    const mayBeSent = isTrusted || answer !== null || (await hasConsented(understood))
    return { kind: mayBeSent ? 'send_back' : 'not_sent_back', ...back(cause) }
  }
}

const loginRequired = (detail: string) =>
  new OAuthError('login_required', 'The user must sign in, which needs a page.', { detail })

const hasConsented = async (understood: ReturnType<typeof understand>) => {
  const read = await understood.catch(() => null)
  return read !== null && read.standing.consent !== null
}

const signedInAt = ({ start_time }: SessionRecord) => Math.floor(Date.parse(start_time) / 1000)

/** Throws `login_required` if the user cannot be asked, or has come back without having signed in. */
function mustSignIn(
  { interaction }: AuthorizationRequest,
  session: SessionRecord,
  { usersAreExternal }: Pick<Deps, 'usersAreExternal'>,
  { now }: RequestContext,
): boolean {
  const signIn = signInFor(interaction, signedInAt(session), now)
  if (signIn === 'none') return false
  if (interaction.isSilent) throw loginRequired('the user signed in too long ago')
  // An accounts service that redirects back at once would cause an endless loop.
  if (signIn === 'asked' && usersAreExternal) {
    throw loginRequired('the accounts service did not ask the user to sign in again')
  }
  return true
}

/** The request, with what D1 has about the user and about what the page may show. A malformed request causes no read. */
async function understand(
  { fields, identified: { client }, malformed }: ReceivedRequest,
  userId: string,
  { authorizations }: SessionRecord,
  deps: Pick<Deps, 'users' | 'requirePkce' | 'scopePolicy' | 'checking'>,
) {
  deps.checking?.('parameters')
  if (malformed) throw malformed
  const request = readAuthorizationRequest(fields, client, deps)
  // For a user of an external accounts service the session has the endorsements.
  const endorsements =
    client.endorsements.length === 0 ? [] : [...client.endorsements, ...authorizations.endorsements]
  const asked = { scopes: request.scopes, endorsements }
  return { request, standing: await deps.users.standing(userId, client.clientId, asked) }
}

const nothingHeld = ({ scopes }: AuthorizationRequest) =>
  new OAuthError('invalid_scope', 'The user holds none of the requested scopes.', {
    detail: `the user holds none of ${quoted(formatScopes(scopes))}`,
  })

/** What is requested, authorized for the client, and held by the user. */
function offer(
  request: AuthorizationRequest,
  client: Client,
  user: User,
  { issueRefreshTokens }: Pick<Deps, 'issueRefreshTokens'>,
): Offer {
  const scopes = meetScopes(meetScopes(request.scopes, client.scopes), user.scopes)
  const resources = resourcesWith(request.resources, scopes)
  const mayRefresh = getsRefreshToken(client, request.offlineAccess, issueRefreshTokens)
  const endorsements = meetEndorsements(client.endorsements, user.endorsements)
  return { scopes, endorsements, mayRefresh, resources }
}

type Granted = Agreement &
  Readonly<{
    fields: Fields
    identified: IdentifiedClient
    request: AuthorizationRequest
    user: User
    /** Epoch seconds. */
    authTime: number
  }>

async function issueCode(
  { fields, identified, request, user, authTime, ...agreement }: Granted,
  deps: Pick<Deps, 'authorizations' | 'codeLifetimeSeconds'>,
  { now, log }: RequestContext,
): Promise<string> {
  const { client, redirect } = identified
  const { scopes, endorsements, resources, consent } = agreement
  const { userId, username, email } = user
  const code = mintToken('authorizationCode')
  const record = {
    clientId: client.clientId,
    user: { userId, username, email, scopes, endorsements },
    audience: urisOf(resources),
    audienceReadAtMs: client.readAtMs,
    redirectUri: redirect,
    redirectUriSent: fields.has('redirect_uri'),
    codeChallenge: request.codeChallenge,
    dpopJkt: request.dpopJkt,
    offlineAccess: request.offlineAccess,
    authTime,
    issuedAt: now,
    expiresAt: now + deps.codeLifetimeSeconds,
  }
  const asOfMs = Math.min(client.readAtMs, user.readAtMs ?? client.readAtMs)
  const kvFault = await deps.authorizations.grant(
    await tokenDigestOf(code),
    record,
    consent,
    asOfMs,
  )
  if (kvFault) log('code_not_carried', { fault: kvFault })
  return code
}
