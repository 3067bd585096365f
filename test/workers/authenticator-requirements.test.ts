/** `GET /auth?scope=…&resource=…&category=…`: what a session must hold, and malformed requirements. */

import { describe, expect, it } from 'vitest'
import { createAuthenticator } from '../../src/authenticator/app.ts'
import { expectRefusal } from './refusals.ts'
import { authenticatorEnv, authorizing, bearer, storeToken } from './stored-session.ts'

const authenticator = createAuthenticator(authenticatorEnv())

async function ask(query: string, token: string | null) {
  const headers = token === null ? {} : bearer(token)
  return authenticator.fetch(new Request(`https://a.example/auth?${query}`, { headers }))
}

describe('scopes, written `domain:action[:resource]`', () => {
  it.each<[held: string[], query: string, status: number]>([
    [['submission:read'], 'scope=submission:read', 200],
    [['submission:read'], 'scope=submission:create', 403],
    [['submission:read'], 'scope=submission:rea', 403],
    [[], 'scope=submission:read', 403],
    [['submission:read'], 'scope=submission:read&scope=public:read', 403],
    [['submission:read', 'public:read'], 'scope=submission:read&scope=public:read', 200],
    [['submission:read:*'], 'scope=submission:read', 200],
    [['submission:read:5'], 'scope=submission:read', 403],
    [['submission:read'], 'scope=submission:read&resource=5', 403],
    [['submission:read:5'], 'scope=submission:read&resource=5', 200],
    [['submission:read:5'], 'scope=submission:read&resource=55', 403],
    [['submission:read:5'], 'scope=submission:read:5', 200],
    [['submission:read:*'], 'scope=submission:read&resource=5', 200],
    [['submission:read:*'], 'scope=submission:create&resource=5', 403],
    [['submission:read:5'], 'scope=submission:read&scope=submission:update&resource=5', 403],
    [
      ['submission:read:5', 'submission:update:*'],
      'scope=submission:read&scope=submission:update&resource=5',
      200,
    ],
  ])(
    'a session with the scopes %j that is checked for %s gets the status %i',
    async (held, query, status) => {
      const token = await storeToken(authorizing(held))
      const answer = await ask(query, token)
      expect(answer.status).toBe(status)
      expect(answer.headers.has('Authorization')).toBe(status === 200)
      expect(answer.headers.has('X-Auth-Status')).toBe(status === 200)
      if (status === 403) {
        await expectRefusal(answer, 403, 'insufficient_scope')
      }
    },
  )

  it('the challenge of a 403 names the scopes that would suffice', async () => {
    const token = await storeToken(authorizing(['public:read']))
    const answer = await ask('scope=submission:read&scope=upload:read&resource=5', token)
    const hint = 'scope="submission:read:5 upload:read:5"'
    expect(answer.headers.get('WWW-Authenticate')).toContain(hint)
  })
})

describe('endorsements: a category, an archive or everything', () => {
  it.each<[held: string[], category: string, status: number]>([
    [['cs.DL'], 'cs.DL', 200],
    [['cs.DL'], 'cs.AI', 403],
    [['cs.*'], 'cs.DL', 200],
    [['cs.*'], 'csx.DL', 403],
    [['cs.*'], 'math.AG', 403],
    [['*.*'], 'hep-th', 200],
    [['hep-th'], 'hep-th', 200],
    [[], 'cs.DL', 403],
  ])(
    'a session with the endorsements %j that is checked for the category %s gets the status %i',
    async (held, category, status) => {
      const token = await storeToken(authorizing(['submission:create'], held))
      expect((await ask(`category=${category}`, token)).status).toBe(status)
      const both = await ask(`scope=submission:create&category=${category}`, token)
      expect(both.status).toBe(status)
      if (status === 403) {
        expect(both.headers.get('WWW-Authenticate')).toContain('error="insufficient_scope"')
      }
      expect((await ask(`scope=public:read&category=${category}`, token)).status).toBe(403)
    },
  )
})

describe('malformed requirements', () => {
  it.each([
    'scope=',
    'scope=submission%22',
    'scope=submission%C3%A9',
    'scope=submission:read%20public:read',
    'scope=submission:read&scope=',
    'scope=submission:read&resource=',
    'scope=submission:read&resource=*',
    'scope=submission:read&resource=a%20b',
    'scope=submission:read&resource=5&resource=6',
    'scope=submission:read:5&resource=5',
    'scope=submission&resource=read',
    'scope=submission&resource=read:5',
    'scope=submission:*&resource=5',
    'scope=submission:read&resource=5:6',
    'resource=5',
    'category=',
    'category=cs.*',
    'category=*.*',
    'category=c%22s',
    'category=cs.DL&category=cs.AI',
    'scopes=submission:read',
    'Scope=submission:read',
  ])('the requirement %s is refused with 400, with a token and without', async (query) => {
    const token = await storeToken(authorizing(['submission:read:*'], ['*.*']))
    expect((await ask('scope=submission:read&category=cs.DL', token)).status).toBe(200)
    for (const presented of [token, null]) {
      const answer = await ask(query, presented)
      await expectRefusal(answer, 400, 'invalid_request')
    }
  })

  it('a token in the query is refused with 400 and is not repeated in the response', async () => {
    const token = await storeToken()
    for (const presented of [token, null]) {
      const answer = await ask(`access_token=${token}`, presented)
      expect(answer.status).toBe(400)
      expect(await answer.text()).not.toContain(token)
    }
  })
})
