/** The authorization endpoint's flow (RFC 6749 §4.1): who asks, who is asked, what is offered, what is answered. */

import { digest } from '../crypto/digest.ts'
import { mintToken } from '../crypto/token.ts'
import { meetEndorsements } from '../domain/category.ts'
import { type Client, isEnabled } from '../domain/client.ts'
import { consentFingerprintOf, mayRememberConsent } from '../domain/consent.ts'
import { formatScopes, meetScopes } from '../domain/scope.ts'
import type { SessionRecord } from '../domain/session.ts'
import type { User } from '../domain/user.ts'
import {
  type AuthorizationRequest,
  readAuthorizationRequest,
} from '../protocol/authorization-request.ts'
import { codeResponse, errorResponse } from '../protocol/authorization-response.ts'
import { quoted } from '../protocol/callers-words.ts'
import { OAuthError } from '../protocol/errors.ts'
import type { Fields } from '../protocol/fields.ts'
import { type ApprovedRedirect, approveRedirect, whyNotApproved } from '../protocol/redirect-uri.ts'
import type { GivenConsent, Standing } from '../stores/ports.ts'
import type { Circumstances, Deps } from './deps.ts'

/** What the user answered to the consent page. */
export type Answer = Readonly<{ confirmed: boolean; ticked: readonly string[] }>

export type AuthorizeOutcome =
  | Readonly<{ kind: 'sign_in' }>
  | Readonly<{
      kind: 'ask_consent'
      client: Client
      user: User
      redirect: ApprovedRedirect
      scopes: readonly string[]
      endorsements: readonly string[]
    }>
  | Readonly<{
      kind: 'send_back'
      to: string
      redirect: ApprovedRedirect
      refusal: OAuthError | null
    }>

/** Who asks, and where the answer may go. */
export type Asking = Readonly<{ client: Client; redirect: ApprovedRedirect }>

/**
 * The first thing to know. Throws `OAuthError` for the person at the browser: without a client and an address
 * that is its own, nobody is redirected anywhere.
 */
export async function identifyAsking(
  asked: Readonly<{ clientId: string | undefined; redirectUri: string | undefined }>,
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

/**
 * `fields` as they came, with what was wrong with them as a whole in `malformed`. `readAnswer` reads the consent
 * form, and throws if it is not ours; null on GET. A fault of the request is told to the client only once a user has
 * signed in: RFC 9700 §4.11.2, so that a link to us is no free redirect.
 */
export async function authorize(
  fields: Fields,
  { client, redirect }: Asking,
  seen: SeenSession | null,
  readAnswer: (() => Promise<Answer>) | null,
  malformed: OAuthError | null,
  deps: Deps,
  circumstances: Circumstances,
): Promise<AuthorizeOutcome> {
  if (!seen?.record.user) return { kind: 'sign_in' }
  const session = seen.record
  // The primary is asked both at once; how the user stands is heard only if the session holds.
  const understood = understand(fields, client, malformed, seen.record.user.user_id, deps)
  understood.catch(() => {})
  if (!(await seen.holds())) return { kind: 'sign_in' }
  const answer = readAnswer && (await readAnswer())
  const common = { state: fields.get('state'), issuer: deps.issuer }
  try {
    const { request, standing } = await understood
    const user = userOf(session, standing, deps.usersAreExternal)
    if (!user) return { kind: 'sign_in' }
    const offered = offer(request, client, user)
    const agreement = await agree(offered, client, redirect, standing, answer)
    if (!agreement) return { kind: 'ask_consent', client, user, redirect, ...offered }
    const code = await issueCode(
      { ...agreement, fields, request, client, redirect, user },
      deps,
      circumstances,
    )
    return { kind: 'send_back', to: codeResponse(redirect, code, common), redirect, refusal: null }
  } catch (cause) {
    if (!(cause instanceof OAuthError)) throw cause
    return {
      kind: 'send_back',
      to: errorResponse(redirect, cause, common),
      redirect,
      refusal: cause,
    }
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

/** The registry's word on a user it knows; else, with an external accounts service, what that service wrote. */
export function userOf(
  session: SessionRecord,
  { user }: Pick<Standing, 'user'>,
  usersAreExternal: boolean,
): User | null {
  if (user) {
    if (isEnabled(user)) return user
    throw new OAuthError('access_denied', 'The user may not authorize applications.', {
      detail: 'disabled user',
    })
  }
  if (!usersAreExternal || !session.user) return null
  return {
    userId: session.user.user_id,
    username: session.user.username,
    email: session.user.email,
    scopes: session.authorizations.scopes,
    endorsements: session.authorizations.endorsements,
  }
}

type Offer = Readonly<{ scopes: readonly string[]; endorsements: readonly string[] }>

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

type Agreement = Offer & Readonly<{ consent: GivenConsent | null }>

/** What the user agreed to, now or before; null when the user must be asked. Throws `access_denied`. */
async function agree(
  offered: Offer,
  client: Client,
  redirect: ApprovedRedirect,
  standing: Standing,
  answer: Answer | null,
): Promise<Agreement | null> {
  const fingerprint = await digest(consentFingerprintOf(client, offered.endorsements))
  const mayRemember = mayRememberConsent(client, redirect)
  if (answer === null) {
    const asked = formatScopes(offered.scopes)
    const isRemembered = standing.consents.some(
      (consent) => consent.scopes === asked && consent.fingerprint === fingerprint,
    )
    return mayRemember && isRemembered ? { ...offered, consent: null } : null
  }
  const scopes = offered.scopes.filter((scope) => answer.ticked.includes(scope))
  if (!answer.confirmed || scopes.length === 0) {
    throw new OAuthError('access_denied', 'The user refused.', {
      detail: answer.confirmed ? 'nothing was left ticked' : 'the user pressed Cancel',
    })
  }
  // Kept also where it may not answer for the user: by it the user sees what was allowed, and takes it back.
  const declined = offered.scopes.filter((scope) => !scopes.includes(scope))
  const consent = { scopes: formatScopes(scopes), fingerprint, declined }
  return { scopes, endorsements: offered.endorsements, consent }
}

async function issueCode(
  granted: Agreement &
    Readonly<{
      fields: Fields
      request: AuthorizationRequest
      client: Client
      redirect: ApprovedRedirect
      user: User
    }>,
  deps: Pick<Deps, 'authorizations' | 'codeLifetimeSeconds'>,
  { now }: Circumstances,
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
  await deps.authorizations.grant(await digest(code), record, granted.consent)
  return code
}

const pickIdentity = ({ userId, username, email }: User) => ({ userId, username, email })
