/** A user whom the operator has disabled, with a browser session that has not ended. */

import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, it } from 'vitest'
import { userRegistry } from '../rows.ts'
import {
  authorizePath,
  externalSession,
  fieldsOf,
  newClient,
  newUser,
  nowSeconds,
  obtainCode,
  post,
  registry,
  requestOf,
  serve,
  sessionOf,
  sessionTokenIn,
  signIn,
  type TestClient,
  type TestUser,
} from './registry.ts'

let client: TestClient
let user: TestUser
let cookie: string
beforeEach(async () => {
  client = await newClient()
  user = await newUser()
  cookie = await signIn(user)
})

const disable = () => userRegistry(env.DB).disable(user.id, nowSeconds())
const consents = () =>
  env.DB.prepare('SELECT count(*) AS n FROM consent WHERE user_id = ?1').bind(user.id).first('n')

/** The fields of the form for this path, from a page that was opened earlier. */
type Fields = (path: string) => readonly [string, string][]
type Ask = () => Promise<Response>
const CASES: readonly (readonly [string, (fields: Fields) => Ask])[] = [
  ['GET /account', () => () => registry('/account', { headers: { Cookie: cookie } })],
  [
    'POST /account',
    (fields) => () => post('/account', [...fields('/account')], { Cookie: cookie }),
  ],
  [
    'GET /authorize',
    () => () => registry(authorizePath(requestOf(client)), { headers: { Cookie: cookie } }),
  ],
  [
    'POST /authorize',
    (fields) => () =>
      post('/authorize', [...fields('/authorize'), ['confirm', 'ok']], { Cookie: cookie }),
  ],
]

describe('disabled users', () => {
  it.each(CASES)(
    '%s tells a disabled user that the account is disabled, and lets the user sign out',
    async (_, caseOf) => {
      await obtainCode(cookie, requestOf(client))
      const other = authorizePath(requestOf(client, { scope: 'public:read' }))
      const pages = await Promise.all(
        ['/account', other].map(async (path) =>
          (await registry(path, { headers: { Cookie: cookie } })).text(),
        ),
      )
      const ask = caseOf((path) => fieldsOf(pages.join(), path))
      await disable()
      const response = await ask()
      const page = await response.text()
      expect([response.status, response.headers.get('Location')]).toEqual([403, null])
      expect(page).toContain('The operator has disabled your account.')
      expect(page).toContain(`<bdi>${user.username}</bdi>`)
      expect(page).not.toContain('Go back to the application')
      expect(page).toContain(response.headers.get('X-Correlation-Id'))
      expect(await consents()).toBe(1)
      const signedOut = await post('/logout', fieldsOf(page, '/logout'), { Cookie: cookie })
      expect(signedOut.status).toBe(303)
      expect(await sessionOf(sessionTokenIn(cookie))).toBeNull()
    },
  )

  it('the sign-out form of a disabled user leads back to the same request', async () => {
    await disable()
    const path = authorizePath(requestOf(client))
    const response = await registry(path, { headers: { Cookie: cookie } })
    const fields = Object.fromEntries(fieldsOf(await response.text(), '/logout'))
    expect(fields.next_page).toBe(path)
  })

  it('control: a user who is enabled again sees the pages', async () => {
    await disable()
    await userRegistry(env.DB).enable(user.id, nowSeconds())
    for (const path of ['/account', authorizePath(requestOf(client))]) {
      expect((await registry(path, { headers: { Cookie: cookie } })).status).toBe(200)
    }
  })

  it('a disabled user with a session of an accounts service (LOGIN_URL) reads that the account is disabled', async () => {
    const elsewhere = serve({ LOGIN_URL: 'https://accounts.example/login' })
    const headers = { Cookie: await externalSession(cookie) }
    await disable()
    const response = await elsewhere('/account', { headers })
    expect(await response.text()).toContain('The operator has disabled your account.')
    // Signing out leads to the accounts service, which may be another site.
    expect(response.headers.get('Content-Security-Policy')).not.toContain('form-action')
  })
})
