/**
 * Pages for signed-in users. A page costs one KV read and one batch in D1, which also tells whether the session was revoked.
 *
 * How to add a page:
 * 1. `stores/portal.ts`, or a file beside it: a read of what the page shows, by `visit`. Its statements select what the
 *    visitor may see, so that no page can show more.
 * 2. `pages/portal/`: the page, a function of its props, inside `PortalFrame`.
 * 3. `management/portal/`: a page about one client of the visitor is an `ownClientPage`, which says how it looks and what
 *    each of its forms does. Any other is a `portalPage` with the path, the read, `get` and `post`. List it in
 *    `portal-pages.ts`. A new first segment of a path also goes into `routes/management.ts`, which forwards it.
 * 4. Each form has a `formHead`: its token is bound to the session, to the form, to the record and to its version.
 *    `attempt` refuses a form that is out of date, does the act, and returns what the page shows of a refusal. An
 *    `ownClientPage` does both itself.
 * 5. The tests of every portal page are in `test/workers/portal*.test.ts` and `test/browser/portal*.test.ts`.
 */

import type { JSX } from 'hono/jsx/jsx-runtime'
import type { Settings } from '../../config.ts'
import { isApprover } from '../../domain/registry-scopes.ts'
import type { User } from '../../domain/user.ts'
import { userOf } from '../../flows/still-held.ts'
import { readForm } from '../../http/body.ts'
import { type SeenSession, seeBrowserSession } from '../../http/browser-session.ts'
import { formToken, refuseForeignPost, SIGN_OUT } from '../../http/form-token.ts'
import { loginAddress } from '../../http/next-page.ts'
import { sendPage } from '../../http/page.ts'
import type { HttpContext } from '../../http/request-context.ts'
import { COPY_SCRIPT_DIGEST } from '../../pages/portal/copying.tsx'
import { type FormProblem, type FrameProps, SignedOutPage } from '../../pages/portal/frame.tsx'
import type { OAuthError } from '../../protocol/errors.ts'
import { sendErrorPage } from '../../routes/error-page.tsx'
import { sendDisabledUserPage } from '../../routes/sign-out-page.tsx'
import type { ApprovalsReader } from '../../stores/approvals.ts'
import type { PortalReader } from '../../stores/portal.ts'
import type { Visited, Visitor } from '../../stores/visit.ts'
import type { ManagementDeps } from '../deps.ts'
import { isRead, methodNotAllowed, notFound, type Page } from '../page.ts'

/** The limit is enough for a description in any script, and a hundred addresses. */
const MAX_PORTAL_FORM_BYTES = 128 * 1024

/** A page that was opened by a signed-in user who may see its content. */
export type Visit<Found> = Readonly<{
  c: HttpContext
  deps: ManagementDeps
  session: SeenSession
  user: User
  found: Found
}>

type Reading = Readonly<{
  reader: PortalReader
  approvals: ApprovalsReader
  visitor: Visitor
  c: HttpContext
}>

/** `found` is null if the page does not exist for this user. */
export type Read<Found> = (reading: Reading) => Promise<Visited<Found | null>>

export type PortalPage<Found> = Readonly<{
  path: string
  read: Read<Found>
  /** Does the deployment have the page? The default is yes. */
  isServed?: (settings: Settings) => boolean
  get: (visit: Visit<Found>) => Response | Promise<Response>
  post?: (visit: Visit<Found>, form: URLSearchParams) => Response | Promise<Response>
  /** A field that may contain a secret: no page shows its value again. */
  secretField?: string
}>

const placeOf = (c: HttpContext) => {
  const { pathname, search } = new URL(c.req.url)
  return pathname + search
}

/** Null if no user is signed in. */
async function open<Found>(
  c: HttpContext,
  deps: ManagementDeps,
  { read, isServed = () => true }: Pick<PortalPage<Found>, 'read' | 'isServed'>,
): Promise<Visit<Found> | Response | null> {
  const { portal: reader, approvals, settings, branding } = deps
  const session = await seeBrowserSession(c, deps)
  const userId = session?.record.user?.user_id
  if (!session || !userId) return null
  const visitor = { key: session.key, session: session.record, userId }
  const visited = await read({ reader, approvals, visitor, c })
  if (visited.isRevoked) return null
  const user = userOf(session.record, visited.user, settings.loginUrl !== null)
  if (user === null) return null
  if (user === 'disabled') {
    const { loginUrl } = settings
    return sendDisabledUserPage(c, session, '/clients', { loginUrl, branding })
  }
  if (visited.found === null || !isServed(settings)) throw notFound()
  return { c, deps, session, user, found: visited.found }
}

/** The page keeps what was typed, so that the same form can be sent again after a sign-in in another tab. */
function sendSignedOutPage(c: HttpContext, form: URLSearchParams, deps: ManagementDeps) {
  refuseForeignPost(c)
  const { branding, issuer, settings } = deps
  const page = (
    <SignedOutPage
      branding={branding}
      action={new URL(c.req.url).pathname}
      fields={[...form]}
      signInAddress={loginAddress('/clients', issuer, settings.loginUrl)}
    />
  )
  // The status is not 401, which must name a scheme of HTTP authentication (RFC 9110 §15.5.2): pages use no such scheme.
  return sendPage(c, page, branding, { status: 403 })
}

/** The page as it is now, for a form of an older version. `show` is not called for a user who may no longer see the page. */
export async function reopened<Found>(
  { c, deps }: Pick<Visit<unknown>, 'c' | 'deps'>,
  form: URLSearchParams,
  read: Read<Found>,
  show: (visit: Visit<Found>) => Response | Promise<Response>,
): Promise<Response> {
  const visit = await open(c, deps, { read })
  if (visit instanceof Response) return visit
  return visit ? show(visit) : sendSignedOutPage(c, form, deps)
}

export function portalPage<Found>(page: PortalPage<Found>): Page {
  const { path, get, post, secretField } = page
  const allow = post ? 'GET, HEAD, POST' : 'GET, HEAD'
  return {
    path,
    sendError: sendErrorPage,
    async respond(c, deps) {
      if (isRead(c)) {
        const visit = await open(c, deps, page)
        if (visit instanceof Response) return visit
        const { issuer, settings } = deps
        return visit
          ? get(visit)
          : c.redirect(loginAddress(placeOf(c), issuer, settings.loginUrl), 303)
      }
      if (!post || c.req.method !== 'POST') throw methodNotAllowed(allow)
      const pairs = await readForm(c, MAX_PORTAL_FORM_BYTES)
      const form = new URLSearchParams(pairs.map((pair) => [...pair]))
      const visit = await open(c, deps, page)
      if (visit instanceof Response) return visit
      if (visit) return post(visit, form)
      if (secretField !== undefined) form.delete(secretField)
      return sendSignedOutPage(c, form, deps)
    },
  }
}

/** What a page says of what was done or went wrong. `status`: the status of a page that shows a form again. */
export type Notice = Readonly<{
  done?: string | null
  problem?: FormProblem | null
  status?: number
  refusal?: OAuthError | null
  hasCopyScript?: boolean
}>

export async function sendPortalPage(
  { c, deps, session, user }: Pick<Visit<unknown>, 'c' | 'deps' | 'session' | 'user'>,
  notice: Notice,
  page: (frame: FrameProps) => JSX.Element | Promise<JSX.Element>,
) {
  const { done = null, problem = null, status = 200, refusal = null, hasCopyScript } = notice
  const { branding, settings } = deps
  const frame = {
    ...{ branding, username: user.username, mayApprove: isApprover(user.scopes), done, problem },
    signOutToken: await formToken(session.token, SIGN_OUT),
  }
  return sendPage(c, await page(frame), branding, {
    status,
    refusal,
    scriptDigest: hasCopyScript ? COPY_SCRIPT_DIGEST : null,
    // A form that is sent after the end of the session leads to the sign-in page.
    mayLeadAway: settings.loginUrl !== null,
  })
}
