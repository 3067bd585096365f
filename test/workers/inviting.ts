/** Invitations for the tests: how one is made, and the page on which it is used. */

import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { Hono } from 'hono'
import { inviteUser } from '../../src/flows/registration/invitations.ts'
import { frame } from '../../src/http/frame.ts'
import type { RequestEnv } from '../../src/http/request-context.ts'
import { invitationEndpoint } from '../../src/routes/invitation.tsx'
import { invitationStore } from '../../src/stores/invitations.ts'
import { refusalStore } from '../../src/stores/refusals.ts'
import { registrationPorts } from '../../src/stores/registration.ts'
import { revocationStore } from '../../src/stores/revocations.ts'
import { cookiesOf, type Fetch, fieldsOf, ISSUER, nowSeconds, post } from './registry.ts'

export const LONGEST_SECONDS = 7200

const LIFETIMES = {
  sessionLifetimeSeconds: LONGEST_SECONDS,
  longestSessionSeconds: LONGEST_SECONDS,
  oldestClientSeconds: 60,
}

/** An administrator's act, by default with `registry:admin`. */
export const actOf = (...scopes: readonly string[]) => ({
  actor: { name: 'client:operator', scopes: scopes.length > 0 ? scopes : ['registry:admin'] },
  now: nowSeconds(),
  ports: registrationPorts(env.DB, env.SESSIONS, LIFETIMES),
})

export const newInvitation = async (userId: string): Promise<string> =>
  (await inviteUser(actOf(), { userId }, false)).invitation

type Settings = Partial<{ loginUrl: string; loginLimit: RateLimit; DB: D1Database }>

export function serveInvitations({ loginUrl, loginLimit, DB = env.DB }: Settings = {}): Fetch {
  const deps = {
    issuer: ISSUER,
    loginUrl: loginUrl ?? null,
    loginLimit: loginLimit ?? env.LOGIN_LIMIT,
    invitations: invitationStore(DB, LONGEST_SECONDS),
    revocations: revocationStore(DB, env.SESSIONS, LONGEST_SECONDS),
    ...{
      logsAnswers: true,
      dataPoints: null,
      refusals: refusalStore(DB),
      refusalLimit: env.REFUSAL_LIMIT,
    },
  }
  const { get, post } = invitationEndpoint
  const app = new Hono<RequestEnv>()
  app.all(
    '/invitation',
    frame(invitationEndpoint, deps, (c) => (c.req.method === 'POST' ? post : get)(c, deps)),
  )
  return async (path, init) => {
    const context = createExecutionContext()
    const response = await app.fetch(new Request(new URL(path, ISSUER), init), env, context)
    await waitOnExecutionContext(context)
    return response
  }
}

const invitations = serveInvitations()

export const NEW_PASSWORD = 'a new and long password'

type Posting = Partial<{
  password: string
  again: string
  /** Fields to change in the form. */
  change: Record<string, string>
  headers: Record<string, string>
  fetch: Fetch
}>

/** Opens the page, fills in its form and posts it. */
export async function setPassword(invitation: string, how: Posting = {}): Promise<Response> {
  const { password = NEW_PASSWORD, fetch = invitations } = how
  const opened = await fetch('/invitation')
  const shown = Object.fromEntries(fieldsOf(await opened.text(), '/invitation'))
  const again = how.again ?? password
  const fields = { ...shown, invitation, password, password_again: again, ...how.change }
  return post('/invitation', fields, { Cookie: cookiesOf(opened), ...how.headers }, fetch)
}
