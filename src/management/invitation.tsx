/**
 * `/invitation`: the page on which an invited user sets a password. Nothing about the invitation is read before the form is
 * posted.
 */

import { randomText } from '../crypto/random.ts'
import { isWellFormed } from '../crypto/token.ts'
import { INVITATION_PATH, invitationIn } from '../domain/user.ts'
import { acceptInvitation } from '../flows/registration/invitations.ts'
import { readForm } from '../http/body.ts'
import { hostCookie, setHostCookie } from '../http/browser-session.ts'
import { refuseFlood } from '../http/flood.ts'
import { formToken, whyOutOfDate } from '../http/form-token.ts'
import { sendPage } from '../http/page.ts'
import type { HttpContext } from '../http/request-context.ts'
import {
  INVITATION_SCRIPT_DIGEST,
  InvitationPage,
  PasswordSetPage,
} from '../pages/invitation-page.tsx'
import { OAuthError } from '../protocol/errors.ts'
import { readFields } from '../protocol/fields.ts'
import { passwordProblem } from '../protocol/registration/user-fields.ts'
import { sendErrorPage } from '../routes/error-page.tsx'
import type { ManagementDeps } from './deps.ts'
import { asSentence, isRead, methodNotAllowed, type Page } from './page.ts'

const PURPOSE = ['invitation'] as const
/** How long the page may stay open before its form expires. */
const FORM_LIFETIME_SECONDS = 86_400
/** The cookie with the secret from which the form's token is derived. */
const FORM_COOKIE = 'registry_invitation'

const notAccepted = (description: string, detail: string) =>
  new OAuthError('access_denied', description, { detail })

/** The refusal is one sentence for every cause, so that a stranger learns nothing about an invitation. */
const notOpen = (detail: string) =>
  notAccepted(
    'This link is not valid. It was used, has expired, or a newer one replaced it. Ask for a new link.',
    detail,
  )

function requireUsersOfOurOwn({ settings }: ManagementDeps) {
  if (settings.loginUrl !== null)
    throw new OAuthError('invalid_request', 'Users sign in elsewhere.')
}

async function show(
  c: HttpContext,
  { invitation, refusal }: Readonly<{ invitation: string; refusal: OAuthError | null }>,
  { issuer, branding }: ManagementDeps,
) {
  const secret = hostCookie(c, issuer, FORM_COOKIE) ?? randomText()
  const cookie = { name: FORM_COOKIE, value: secret, lifetimeSeconds: FORM_LIFETIME_SECONDS }
  setHostCookie(c, issuer, cookie)
  const page = (
    <InvitationPage
      branding={branding}
      formToken={await formToken(secret, PURPOSE)}
      invitation={invitation}
      problem={refusal?.description ?? null}
    />
  )
  return sendPage(c, page, branding, { refusal, scriptDigest: INVITATION_SCRIPT_DIGEST })
}

type Posted = Readonly<{ invitation: string; password: string; again: string }>

/** The password is checked first, so that a typing mistake does not use up the invitation. */
function passwordRefusal({ password, again }: Posted): OAuthError | null {
  const problem = passwordProblem(password)
  if (problem) return notAccepted(asSentence(problem), problem)
  if (password === again) return null
  return notAccepted('The two passwords differ.', 'the two passwords differ')
}

async function accept(c: HttpContext, posted: Posted, deps: ManagementDeps) {
  await refuseFlood(c, deps.loginLimit)
  const ports = { invitations: deps.invitations, revocations: deps.ports.revocations }
  const accepted = await acceptInvitation(posted, ports, c.get('request'))
  if (typeof accepted === 'string') throw notOpen(accepted)
  return accepted
}

async function handlePost(c: HttpContext, deps: ManagementDeps) {
  const fields = readFields(await readForm(c))
  const pasted = invitationIn(fields.get('invitation') ?? '')
  // A text that does not have the form of an invitation is not shown again.
  const invitation = isWellFormed('invitation', pasted) ? pasted : ''
  const posted = {
    invitation,
    password: fields.get('password') ?? '',
    again: fields.get('password_again') ?? '',
  }
  const secret = hostCookie(c, deps.issuer, FORM_COOKIE) ?? null
  const outOfDate = await whyOutOfDate(c, fields.get('form_token'), secret, PURPOSE)
  const refusal = outOfDate ?? passwordRefusal(posted)
  if (refusal) return show(c, { invitation, refusal }, deps)
  try {
    const { username } = await accept(c, posted, deps)
    setHostCookie(c, deps.issuer, { name: FORM_COOKIE, value: '', lifetimeSeconds: 0 })
    const { branding } = deps
    return sendPage(c, <PasswordSetPage branding={branding} username={username} />, branding)
  } catch (cause) {
    if (!(cause instanceof OAuthError)) throw cause
    // After too many attempts the page has the same form with the same invitation, to be sent in a minute.
    const isOpen = cause.status === 429
    return show(c, { invitation: isOpen ? invitation : '', refusal: cause }, deps)
  }
}

export const invitationPage: Page = {
  path: INVITATION_PATH,
  sendError: sendErrorPage,
  respond(c, deps) {
    requireUsersOfOurOwn(deps)
    if (isRead(c)) return show(c, { invitation: '', refusal: null }, deps)
    if (c.req.method === 'POST') return handlePost(c, deps)
    throw methodNotAllowed('GET, HEAD, POST')
  },
}
