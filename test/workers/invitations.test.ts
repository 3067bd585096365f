/** An invited user sets a password, once, with the link of the invitation. */

import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { tokenDigestOf } from '../../src/crypto/digest.ts'
import { mintToken } from '../../src/crypto/token.ts'
import { INVITATION_SECONDS, invitationUrl, NO_PASSWORD } from '../../src/domain/user.ts'
import { inviteUser } from '../../src/flows/registration/invitations.ts'
import {
  authorizeUser,
  deleteUser,
  setPassword as setPasswordByAdministrator,
  updateUser,
} from '../../src/flows/registration/users.ts'
import { over } from './counting.ts'
import { NEW_PASSWORD, newInvitation, setPassword } from './inviting.ts'
import { loggedBy } from './logged.ts'
import { renewal } from './obtaining.ts'
import { actBy, admin, disableUser, enableUser, NO_CHANGE } from './registering.ts'
import {
  attemptSignIn,
  cookiesOf,
  fieldsOf,
  ISSUER,
  newClient,
  newUser,
  obtainCode,
  PASSWORD,
  post,
  redemptionOf,
  refusal,
  registry,
  requestOf,
  serve,
  signIn,
  type TestUser,
} from './registry.ts'

const lines = loggedBy('log', 'error')

const NOT_VALID = 'This link is not valid.'
const invited = async () => {
  const user = await newUser()
  return { user, invitation: await newInvitation(user.id) }
}
const canSignIn = async (user: TestUser, password: string) =>
  (await attemptSignIn(user.username, { password })).status === 303
const auditOf = async (userId: string) => {
  const { results } = await env.DB.prepare(
    'SELECT actor, event, detail FROM audit WHERE user_id = ?1 ORDER BY audit_id',
  )
    .bind(userId)
    .all()
  return results
}
const expire = (userId: string) =>
  env.DB.prepare('UPDATE invitation SET expires_at = unixepoch() WHERE user_id = ?1')
    .bind(userId)
    .run()
const passwordHashOf = (userId: string) =>
  env.DB.prepare('SELECT password_hash FROM user WHERE user_id = ?1')
    .bind(userId)
    .first('password_hash')

describe('an open invitation', () => {
  it('the page of an invitation says who invites, what to choose, and that signing in follows', async () => {
    const page = await (await serve({ SERVICE_NAME: 'Example Archive' })('/invitation')).text()
    const words = page.replaceAll(/<[^>]+>/g, '').replaceAll(/\s+/g, ' ')
    expect(words).toContain(
      'You were invited to Example Archive. Choose a password of at least eight characters. ' +
        'The next page shows your username, and you then sign in with both.',
    )
    expect(words).toContain('If you have signed in before, the new password replaces the old one')
  })

  it('an invited user without a password sets one and signs in with it, and the audit names the invitation', async () => {
    const user = await newUser({ passwordHash: NO_PASSWORD })
    expect(await canSignIn(user, '')).toBe(false)
    const answer = await setPassword(await newInvitation(user.id))
    expect(answer.status).toBe(200)
    expect(await answer.text()).toContain(user.username)
    expect(await canSignIn(user, NEW_PASSWORD)).toBe(true)
    expect(await auditOf(user.id)).toEqual([
      { actor: 'client:tests', event: 'user.invite', detail: '{}' },
      { actor: 'invitation', event: 'user.set_password', detail: '{}' },
    ])
  })

  it('an invitation is accepted if the user pastes its whole link', async () => {
    const user = await newUser()
    const link = `  ${invitationUrl(ISSUER, await newInvitation(user.id))} `
    expect((await setPassword(link)).status).toBe(200)
    expect(await canSignIn(user, NEW_PASSWORD)).toBe(true)
  })

  it('a password that was set by an invitation ends the sessions, codes and refresh tokens of the user', async () => {
    const client = await newClient({ grantTypes: ['authorization_code', 'refresh_token'] })
    const user = await newUser()
    const cookie = await signIn(user)
    const code = await obtainCode(cookie, requestOf(client))
    const redeemed = await post('/token', redemptionOf(client, code))
    const { refresh_token } = (await redeemed.json()) as { refresh_token: string }
    const second = await obtainCode(cookie, requestOf(client))
    await setPassword(await newInvitation(user.id))
    const refused = [
      await refusal(await renewal(client, refresh_token)),
      await refusal(await post('/token', redemptionOf(client, second))),
    ]
    expect(refused).toEqual([
      { status: 400, error: 'invalid_grant', token: undefined },
      { status: 400, error: 'invalid_grant', token: undefined },
    ])
    const account = await registry('/account', { headers: { Cookie: cookie } })
    expect(account.status).toBe(303)
    expect(await canSignIn(user, PASSWORD)).toBe(false)
  })

  it('exactly one of five simultaneous posts of an invitation sets its password', async () => {
    const { user, invitation } = await invited()
    const passwords = Array.from({ length: 5 }, (_, i) => `the password of tab ${i}`)
    const statuses = await Promise.all(
      passwords.map(async (password) => (await setPassword(invitation, { password })).status),
    )
    expect(statuses.filter((status) => status === 200)).toHaveLength(1)
    expect(statuses.filter((status) => status === 403)).toHaveLength(4)
    const winner = passwords[statuses.indexOf(200)] ?? ''
    expect(await canSignIn(user, winner)).toBe(true)
    expect(await auditOf(user.id)).toHaveLength(2)
  })
})

describe('an invitation that is not open', () => {
  const invitedThen =
    (what: (user: TestUser, invitation: string) => Promise<unknown>) => async (user: TestUser) => {
      const invitation = await newInvitation(user.id)
      await what(user, invitation)
      return invitation
    }
  /** Each makes an invitation that must not be accepted. */
  const CAUSES: readonly (readonly [string, (user: TestUser) => Promise<string>])[] = [
    ['unknown', async () => mintToken('invitation')],
    ['malformed', async () => 'regi_junk'],
    ['of another kind', async () => mintToken('accessToken')],
    ['used', invitedThen((_, invitation) => setPassword(invitation))],
    ['expired', invitedThen(({ id }) => expire(id))],
    ['replaced by a newer one', invitedThen(({ id }) => newInvitation(id))],
    [
      'older than the password',
      invitedThen(({ id }) =>
        setPasswordByAdministrator(admin(), { userId: id }, 'another password'),
      ),
    ],
    [
      'older than the e-mail address',
      invitedThen(({ id: userId }) =>
        updateUser(admin(), { userId }, { ...NO_CHANGE, fields: { email: 'new@example.org' } }),
      ),
    ],
    [
      'older than the first scope that administers the registry',
      invitedThen(({ id }) =>
        authorizeUser(admin(), { userId: id }, { scopes: ['registry:users'] }),
      ),
    ],
    ['of a disabled user', invitedThen(({ id }) => disableUser(admin(), { userId: id }))],
    [
      'of a user who was disabled and enabled since',
      invitedThen(async ({ id }) => {
        await disableUser(admin(), { userId: id })
        await enableUser(admin(), { userId: id })
      }),
    ],
    ['of a deleted user', invitedThen(({ id }) => deleteUser(admin(), { userId: id }))],
  ]

  it.each(CAUSES)(
    'an invitation that is %s gets the same page as every invalid link and changes nothing',
    async (_, make) => {
      const user = await newUser()
      const invitation = await make(user)
      const before = [await passwordHashOf(user.id), await auditOf(user.id)]
      const answer = await setPassword(invitation, { password: 'never accepted' })
      const html = await answer.text()
      expect(answer.status).toBe(403)
      expect(html).toContain(NOT_VALID)
      expect(html).not.toContain(invitation)
      const other = await setPassword(mintToken('invitation'))
      const withoutTokens = (text: string) => text.replace(/value="[^"]*"/g, '')
      expect(withoutTokens(html)).toBe(withoutTokens(await other.text()))
      expect([await passwordHashOf(user.id), await auditOf(user.id)]).toEqual(before)
    },
  )

  it('control: an update that changes neither password, address nor state keeps the invitation open', async () => {
    const { user, invitation } = await invited()
    const lists = { scopes: ['public:read', 'registryx:read'] }
    const changed = { ...NO_CHANGE, fields: { username: user.username }, lists }
    await updateUser(admin(), { userId: user.id }, changed)
    expect((await setPassword(invitation)).status).toBe(200)
  })

  it('an invitation expires after 24 hours by the clock of D1', async () => {
    const { id } = await newUser()
    await newInvitation(id)
    const sql = 'SELECT expires_at - created_at AS seconds FROM invitation WHERE user_id = ?1'
    expect(await env.DB.prepare(sql).bind(id).first('seconds')).toBe(INVITATION_SECONDS)
    expect(INVITATION_SECONDS).toBe(24 * 60 * 60)
  })

  it('the table of invitations refuses a second use of an invitation', async () => {
    const { id } = await newUser()
    const digest = await tokenDigestOf(await newInvitation(id))
    const use = env.DB.prepare('UPDATE invitation SET used_at = 1 WHERE invitation_digest = ?1')
    await use.bind(digest).run()
    await expect(use.bind(digest).run()).rejects.toThrow('the invitation is not open')
  })
})

describe('permission to invite a user', () => {
  it('an invitation is recorded with its author, changes the version of the user and ends no session', async () => {
    const user = await newUser()
    const cookie = await signIn(user)
    const act = actBy(['registry:users'])
    const before = await act.ports.users.find({ userId: user.id })
    const { record, notes } = await inviteUser(act, user.username, false, before?.version)
    expect(record.version).toBeGreaterThan(before?.version ?? 0)
    expect(notes).toEqual([])
    expect(await auditOf(user.id)).toEqual([
      { actor: 'client:tests', event: 'user.invite', detail: '{}' },
    ])
    expect((await registry('/account', { headers: { Cookie: cookie } })).status).toBe(200)
    await expect(inviteUser(act, user.username, false, before?.version)).rejects.toMatchObject({
      kind: 'stale',
    })
  })

  it.each([
    [{ kind: 'forbidden' }, ['registry:clients', 'registry:users', 'registry:sessions']],
    [null, ['registry:admin']],
  ] as const)(
    'the invitation of a user with a scope that administers the registry gives %j to a caller with %j',
    async (refused, scopes) => {
      const { id } = await newUser({ scopes: ['registry:read'] })
      const invited = inviteUser(actBy(scopes), { userId: id }, false)
      if (refused) await expect(invited).rejects.toMatchObject(refused)
      else expect((await invited).invitation).toMatch(/^regi_/)
      expect(await auditOf(id)).toHaveLength(refused ? 0 : 1)
    },
  )

  it('a disabled user, an unknown user and a user of an accounts service cannot be invited', async () => {
    const { id } = await newUser()
    await expect(inviteUser(admin(), 'nobody-at-all', false)).rejects.toMatchObject({
      kind: 'not_found',
    })
    await expect(inviteUser(admin(), { userId: id }, true)).rejects.toMatchObject({
      kind: 'conflict',
    })
    await disableUser(admin(), { userId: id })
    await expect(inviteUser(admin(), { userId: id }, false)).rejects.toMatchObject({
      kind: 'conflict',
    })
    const count = 'SELECT count(*) AS n FROM invitation WHERE user_id = ?1'
    expect(await env.DB.prepare(count).bind(id).first('n')).toBe(0)
  })

  it('only the later of two simultaneous invitations of a user is open', async () => {
    const user = await newUser()
    const both = await Promise.all([newInvitation(user.id), newInvitation(user.id)])
    const statuses: number[] = []
    for (const one of both) statuses.push((await setPassword(one)).status)
    expect(statuses.toSorted()).toEqual([200, 403])
  })
})

describe('the invitation form', () => {
  it('a short, a missing, a malformed or a mistyped password is refused on the form, and the invitation stays open', async () => {
    const invitation = await newInvitation((await newUser()).id)
    let answer: Response | undefined
    let again: Record<string, string> = {}
    for (const [how, message] of [
      [{ password: 'short' }, 'The password must have at least 8 characters.'],
      [{ password: '' }, 'The password must not be empty.'],
      [{ password: 'long enough\0' }, 'The password must not hold a NUL.'],
      [{ again: 'another password' }, 'The two passwords differ.'],
    ] as const) {
      answer = await setPassword(invitation, how)
      const html = await answer.text()
      again = Object.fromEntries(fieldsOf(html, '/invitation'))
      expect([answer.status, again.invitation]).toEqual([403, invitation])
      expect(html).toContain(message)
    }
    const posted = { ...again, password: NEW_PASSWORD, password_again: NEW_PASSWORD }
    const Cookie = answer ? cookiesOf(answer) : ''
    expect((await post('/invitation', posted, { Cookie })).status).toBe(200)
  })

  it('a post without the token or the cookie of the page, or from another site, is refused and the invitation stays open', async () => {
    const { user, invitation } = await invited()
    for (const how of [
      { change: { form_token: '' } },
      { change: { form_token: 'x' } },
      { headers: { Cookie: '' } },
      { headers: { 'Sec-Fetch-Site': 'cross-site' } },
    ]) {
      expect([how, (await setPassword(invitation, how)).status]).toEqual([how, 403])
      expect(await canSignIn(user, NEW_PASSWORD)).toBe(false)
    }
    expect((await setPassword(invitation)).status).toBe(200)
  })

  it('the invitation form of another browser sets no password and is shown again with the invitation', async () => {
    const { user, invitation } = await invited()
    const opened = await registry('/invitation')
    const other = new Map(fieldsOf(await opened.text(), '/invitation')).get('form_token') ?? ''
    const answer = await setPassword(invitation, { change: { form_token: other } })
    expect(answer.status).toBe(403)
    const again = Object.fromEntries(fieldsOf(await answer.text(), '/invitation'))
    expect(again).toMatchObject({ invitation })
    expect(await canSignIn(user, NEW_PASSWORD)).toBe(false)
    expect((await setPassword(invitation)).status).toBe(200)
  })

  it('too many posts from one address are refused with 429 before D1 is asked, and the form keeps the invitation', async () => {
    const { invitation } = await invited()
    const keys: string[] = []
    const loginLimit = {
      limit: async ({ key }: { key: string }) => {
        keys.push(key)
        return { success: false }
      },
    } as RateLimit
    const fetch = serve({ LOGIN_LIMIT: loginLimit })
    const answer = await setPassword(invitation, {
      fetch,
      headers: { 'CF-Connecting-IP': '192.0.2.7' },
    })
    expect([answer.status, answer.headers.get('Retry-After')]).toEqual([429, '60'])
    expect(keys).toEqual(['192.0.2.7'])
    expect(Object.fromEntries(fieldsOf(await answer.text(), '/invitation'))).toMatchObject({
      invitation,
    })
    expect((await setPassword(invitation)).status).toBe(200)
  })

  it('a fault of D1 is answered with 503, and the invitation stays open', async () => {
    const { user, invitation } = await invited()
    const batch = () => Promise.reject(new Error('D1_ERROR: no answer'))
    const DB = over(env.DB, { batch })
    const answer = await setPassword(invitation, { fetch: serve({ DB }) })
    expect(answer.status).toBe(503)
    expect(await canSignIn(user, PASSWORD)).toBe(true)
    expect((await setPassword(invitation)).status).toBe(200)
  })

  it('the page of an invitation loads nothing, cannot be framed or cached, and its policy allows only its own script', async () => {
    const opened = await registry('/invitation')
    expect(opened.headers.get('Content-Security-Policy')).toMatch(
      /^default-src 'none'; script-src 'sha256-[\w+/]{43}='; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'$/,
    )
    expect(Object.fromEntries(opened.headers)).toMatchObject({
      'x-frame-options': 'DENY',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
    })
  })

  it('with LOGIN_URL /invitation answers 400, because the registry has no passwords', async () => {
    const fetch = serve({ LOGIN_URL: 'https://accounts.example/login' })
    expect((await fetch('/invitation')).status).toBe(400)
    const invitation = await newInvitation((await newUser()).id)
    expect((await post('/invitation', { invitation }, {}, fetch)).status).toBe(400)
  })

  it('neither the log nor the recorded refusal contains an invitation or a password', async () => {
    const { id } = await newUser()
    const invitation = await newInvitation(id)
    const password = 'kR7vQ2mZ9xLw-password'
    await setPassword(invitation, { password })
    await setPassword(invitation, { password })
    const rows = await env.DB.prepare('SELECT * FROM refusal').all()
    const written = JSON.stringify([lines, rows.results, await auditOf(id)])
    expect(written).toContain('the invitation is unknown, used, ended or expired')
    expect(written).not.toContain(invitation.slice(0, 20))
    expect(written).not.toContain(password)
  })
})
