/** `/account`: the applications that a user has connected. GET shows the list, and POST removes one application. */

import { nameForPeople } from '../domain/shown-client.ts'
import {
  type Connected,
  type Connection,
  connectedOf,
  disconnect,
} from '../flows/connected-applications.ts'
import { prefetch } from '../flows/prefetch.ts'
import { readForm } from '../http/body.ts'
import { type BrowserSession, seeBrowserSession } from '../http/browser-session.ts'
import { formToken, SIGN_OUT, whyOutOfDate } from '../http/form-token.ts'
import { loginAddress } from '../http/next-page.ts'
import { sendPage } from '../http/page.ts'
import type { HttpContext } from '../http/request-context.ts'
import { AccountPage, type AccountPageProps } from '../pages/account-page.tsx'
import type { OAuthError } from '../protocol/errors.ts'
import { readFields, required } from '../protocol/fields.ts'
import type { Endpoint, RouteDeps } from './endpoint.ts'
import { sendErrorPage } from './error-page.tsx'
import { sendDisabledUserPage } from './sign-out-page.tsx'

const PATH = '/account'

/** A form removes the application that it was shown for, and no other application. */
const purposeOf = (clientId: string) => ['disconnect', clientId] as const

const shown = async (connection: Connection, { token }: BrowserSession) => ({
  ...connection,
  formToken: await formToken(token, purposeOf(connection.clientId)),
})

type Opened = Connected & Readonly<{ session: BrowserSession }>
/** `refusal`: the sent form was out of date. */
type Shown = Opened &
  Readonly<{ removed?: AccountPageProps['removed']; refusal?: OAuthError | null }>

async function show(
  c: HttpContext,
  { connections, mayApprove, session, removed = null, refusal = null }: Shown,
  { loginUrl, branding, hasPortal }: RouteDeps,
) {
  const page = (
    <AccountPage
      branding={branding}
      username={session.record.user?.username ?? ''}
      applications={await Promise.all(connections.map((one) => shown(one, session)))}
      removed={removed}
      problem={refusal ? OUT_OF_DATE : null}
      signOutToken={await formToken(session.token, SIGN_OUT)}
      hasPortal={hasPortal}
      mayApprove={mayApprove}
    />
  )
  return sendPage(c, page, branding, {
    refusal,
    // A form that is sent after the end of the session leads to the sign-in page.
    mayLeadAway: loginUrl !== null,
  })
}

const OUT_OF_DATE =
  'Nothing was removed, because the page was out of date. Check who is signed in, then try again.'

const toLogin = (c: HttpContext, { issuer, loginUrl }: RouteDeps) =>
  c.redirect(loginAddress(PATH, issuer, loginUrl), 303)

/** The session and its connections, or a response to a browser in which no enabled user is signed in. */
async function open(c: HttpContext, deps: RouteDeps): Promise<Opened | Response> {
  const session = await seeBrowserSession(c, deps)
  if (!session) return toLogin(c, deps)
  // D1 gets both questions at once. Without a valid session, neither the connections nor a fault may be shown.
  const asked = prefetch(connectedOf(session.record, deps))
  if (!(await session.holds())) return toLogin(c, deps)
  const connected = await asked
  if (connected === 'disabled') return sendDisabledUserPage(c, session, PATH, deps)
  return connected ? { session, ...connected } : toLogin(c, deps)
}

export const accountEndpoint: Endpoint = {
  path: PATH,
  sendError: sendErrorPage,
  get: async (c, deps) => {
    const opened = await open(c, deps)
    return opened instanceof Response ? opened : show(c, opened, deps)
  },
  post: async (c, deps) => {
    const fields = readFields(await readForm(c))
    const opened = await open(c, deps)
    if (opened instanceof Response) return opened
    const { session, connections } = opened
    const clientId = required(fields, 'client_id')
    const presented = fields.get('form_token')
    const refusal = await whyOutOfDate(c, presented, session.token, purposeOf(clientId))
    if (refusal) return show(c, { ...opened, refusal }, deps)
    const asked = connections.find((connection) => connection.clientId === clientId)
    // The form was sent twice.
    if (!asked) return c.redirect(PATH, 303)
    const userId = session.record.user?.user_id ?? ''
    const withinSeconds = await disconnect(userId, asked.clientId, deps)
    const rest = connections.filter((connection) => connection !== asked)
    const removed = { name: nameForPeople(asked), withinSeconds }
    return show(c, { ...opened, connections: rest, removed }, deps)
  },
}
