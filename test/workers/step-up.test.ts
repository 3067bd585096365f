/** Step-up: the consent page of a wider request asks only for the new scopes, and the token has old and new. */

import { env } from 'cloudflare:workers'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { clientRegistry } from '../rows.ts'
import {
  allowing,
  answerConsent,
  authorizePath,
  CALLBACK,
  cancelling,
  codeIn,
  declare,
  fieldsOf,
  newClient,
  newUser,
  nowSeconds,
  type Pairs,
  post,
  type RegisteredClient,
  redemptionOf,
  registry,
  requestOf,
  sentTo,
  signIn,
  tokenIn,
  withChallenge,
} from './registry.ts'

const LESS = 'public:read'
const MORE = 'public:read submission:read'

let cookie: string
let client: RegisteredClient
beforeAll(async () => {
  await declare({
    scopes: [
      { name: 'danger:do', sentence: 'Do dangerous things', sensitive: true },
      { name: 'public:read', sentence: 'Read what is public' },
    ],
  })
  cookie = await signIn(await newUser({ scopes: ['public:read', 'submission:read', 'danger:do'] }))
})
beforeEach(async () => {
  client = await newClient({ scopes: ['public:read', 'submission:read', 'danger:do'] })
})

const open = (scope: string, more: Record<string, string> = {}) =>
  registry(authorizePath(requestOf(client, { scope, ...more })), { headers: { Cookie: cookie } })
const consent = async (scope: string, more: Record<string, string> = {}) =>
  answerConsent(cookie, requestOf(client, { scope, ...more }))
const send = (fields: Pairs) => post('/authorize', fields, { Cookie: cookie })
const ticksOf = (page: string) =>
  fieldsOf(page, '/authorize').flatMap(([name, value]) => (name === 'grant' ? [value] : []))
const scopeOf = async (answer: Response) =>
  (await tokenIn(await post('/token', redemptionOf(client, codeIn(answer))))).scope

/** The scopes with a box to tick, and whether the page says that something is allowed already. */
async function asked(response: Response) {
  const page = await response.text()
  return { ticks: ticksOf(page), saysAllowed: page.includes('You have already allowed') }
}
const EVERYTHING = { ticks: MORE.split(' '), saysAllowed: false }
const THE_NEW = { ticks: ['submission:read'], saysAllowed: true }

describe('step-up', () => {
  it('a wider request shows the allowed scope, asks only for the new one, and its token has both', async () => {
    await consent(LESS)
    const page = await (await open(MORE)).text()
    expect(ticksOf(page)).toEqual(['submission:read'])
    expect(page).toMatch(/already allowed[\s\S]*Read what is public[\s\S]*also asks/)
    const allowed = await send(allowing(page))
    expect(await scopeOf(allowed)).toBe(MORE)
    // Both are remembered together.
    expect(codeIn(await open(MORE))).toMatch(/^regc_/)
  })

  it('a user who unticks the new scope keeps the allowed one, and is asked for the new one again next time', async () => {
    await consent(LESS)
    const fields = allowing(await (await open(MORE)).text()).filter(([name]) => name !== 'grant')
    expect(await scopeOf(await send(fields))).toBe(LESS)
    expect(codeIn(await open(LESS))).toMatch(/^regc_/)
    expect(await asked(await open(MORE))).toEqual(THE_NEW)
  })

  it('a user who presses Cancel allows no new scope, and the allowed scope stays allowed', async () => {
    await consent(LESS)
    const refused = await send(cancelling(await (await open(MORE)).text()))
    expect(sentTo(refused).searchParams.get('error')).toBe('access_denied')
    expect(codeIn(await open(LESS))).toMatch(/^regc_/)
  })

  it('a step-up to a sensitive scope asks only for this scope, and the next request asks for every scope', async () => {
    await consent(LESS)
    const scope = 'danger:do public:read'
    const page = await (await open(scope)).text()
    expect(ticksOf(page)).toEqual(['danger:do'])
    expect(await scopeOf(await send(allowing(page)))).toBe(scope)
    expect(await asked(await open(scope))).toEqual({
      ticks: ['public:read', 'danger:do'],
      saysAllowed: false,
    })
  })
})

describe('step-ups that ask for every scope', () => {
  const control = async () => {
    await consent(LESS)
    expect(await asked(await open(MORE))).toEqual(THE_NEW)
  }

  it('a step-up asks for every scope when the client has changed since the consent', async () => {
    await control()
    const change = { mode: 'authorize', now: nowSeconds() } as const
    await clientRegistry(env.DB).update(client.id, { description: 'Does more' }, {}, change)
    expect(await asked(await open(MORE))).toEqual(EVERYTHING)
  })

  it('a step-up asks for every scope when a refusal has withdrawn the earlier consent', async () => {
    await control()
    const page = await (await open(LESS, { prompt: 'consent' })).text()
    await send(cancelling(page))
    expect(await asked(await open(MORE))).toEqual(EVERYTHING)
  })

  it('a step-up asks for every scope when the request does not have all allowed scopes', async () => {
    await consent('danger:do public:read')
    expect(await asked(await open(MORE))).toEqual(EVERYTHING)
  })

  it.each(['consent', 'select_account'])(
    'a step-up asks for every scope when the request has prompt=%s',
    async (prompt) => {
      await control()
      expect(await asked(await open(MORE, { prompt }))).toEqual(EVERYTHING)
    },
  )

  it('a step-up asks for every scope when the earlier consent was to a sensitive scope', async () => {
    await consent('danger:do')
    expect(await asked(await open('danger:do public:read'))).toEqual({
      ticks: ['public:read', 'danger:do'],
      saysAllowed: false,
    })
  })

  it('a step-up asks for every scope for a public client on the device of its user', async () => {
    const redirect_uri = 'http://127.0.0.1:5000/callback'
    client = await newClient({ authMethod: 'none', redirectUris: [redirect_uri] })
    const native = { redirect_uri, ...withChallenge }
    await consent(LESS, native)
    expect(await asked(await open(MORE, native))).toEqual(EVERYTHING)
  })
})

describe('answers to the consent page of a step-up', () => {
  it('an answer to a step-up shows the page again when the earlier consent was removed meanwhile', async () => {
    await consent(LESS)
    const fields = allowing(await (await open(MORE)).text())
    await env.DB.prepare('DELETE FROM consent WHERE client_id = ?').bind(client.id).run()
    const again = await send(fields)
    expect(again.status).toBe(200)
    expect(await asked(again)).toEqual(EVERYTHING)
  })

  it('an answer to a page with every scope shows the page again when a part was allowed meanwhile', async () => {
    const fields = allowing(await (await open(MORE)).text())
    await consent(LESS)
    expect(await asked(await send(fields))).toEqual(THE_NEW)
  })

  it('a forged tick in the answer to a step-up adds no scope that the request does not have', async () => {
    await consent(LESS)
    const fields = allowing(await (await open(MORE)).text())
    const forged = await send([...fields, ['grant', 'danger:do'], ['grant', 'submission:create']])
    expect(await scopeOf(forged)).toBe(MORE)
  })

  it('a step-up with prompt=none is answered with consent_required', async () => {
    await consent(LESS)
    const { origin, searchParams } = sentTo(await open(MORE, { prompt: 'none' }))
    expect([origin, searchParams.get('error')]).toEqual([
      new URL(CALLBACK).origin,
      'consent_required',
    ])
  })
})
