/** `/account`: the applications that a user has connected. The list on GET, removal of one on POST. */

import type { Context } from 'hono'
import { endorsementSentence, scopeSentence } from '../domain/scope-catalogue.ts'
import { type Connection, connectionsOf, disconnect } from '../flows/connected-applications.ts'
import { type BrowserSession, seeBrowserSession } from '../http/browser-session.ts'
import { circumstancesOf } from '../http/circumstances.ts'
import { readForm } from '../http/form.ts'
import { checkFormToken, formToken } from '../http/form-token.ts'
import { loginAddress } from '../http/next-page.ts'
import { sendPage } from '../http/page.ts'
import { AccountPage, type AccountPageProps } from '../pages/account-page.tsx'
import { readFields, required } from '../protocol/fields.ts'
import type { Endpoint, RouteDeps } from './endpoint.ts'
import { sendErrorPage } from './error-page.tsx'
import { SIGN_OUT } from './logout.ts'

const PATH = '/account'

/** So that a form removes the application it was shown for, and no other. */
const purposeOf = (clientId: string) => ['disconnect', clientId] as const

const shown = async (connection: Connection, { token }: BrowserSession) => ({
  ...connection,
  scopes: connection.scopes.map((scope) => ({ scope, sentence: scopeSentence(scope) })),
  endorsements: connection.endorsements.map(endorsementSentence),
  formToken: await formToken(token, purposeOf(connection.clientId)),
})

async function show(
  c: Context,
  connections: readonly Connection[],
  session: BrowserSession,
  removed: AccountPageProps['removed'],
) {
  const page = (
    <AccountPage
      username={session.record.user?.username ?? ''}
      applications={await Promise.all(connections.map((one) => shown(one, session)))}
      removed={removed}
      signOutToken={await formToken(session.token, SIGN_OUT)}
    />
  )
  return sendPage(c, page)
}

const toLogin = (c: Context, { issuer, loginUrl }: RouteDeps) =>
  c.redirect(loginAddress(PATH, issuer, loginUrl), 303)

async function open(c: Context, deps: RouteDeps) {
  const session = await seeBrowserSession(c, deps, circumstancesOf(c).nowMs)
  if (!session) return null
  // The primary is asked both things at once; of nobody's session nothing is told, no fault either.
  const asked = connectionsOf(session.record, deps)
  asked.catch(() => {})
  if (!(await session.holds())) return null
  const connections = await asked
  return connections && { session, connections }
}

export const account: Endpoint = {
  path: PATH,
  refuse: sendErrorPage,
  get: async (c, deps) => {
    const opened = await open(c, deps)
    return opened ? show(c, opened.connections, opened.session, null) : toLogin(c, deps)
  },
  post: async (c, deps) => {
    const fields = readFields(await readForm(c))
    const opened = await open(c, deps)
    if (!opened) return toLogin(c, deps)
    const { session, connections } = opened
    const clientId = required(fields, 'client_id')
    await checkFormToken(c, fields.get('form_token'), session.token, purposeOf(clientId))
    const asked = connections.find((connection) => connection.clientId === clientId)
    // Sent twice: the first time did it.
    if (!asked) return c.redirect(PATH, 303)
    const userId = session.record.user?.user_id ?? ''
    const withinSeconds = await disconnect(userId, clientId, deps, circumstancesOf(c))
    const rest = connections.filter((connection) => connection !== asked)
    return show(c, rest, session, { name: asked.name, withinSeconds })
  },
}
