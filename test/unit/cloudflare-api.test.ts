/** How responses of Cloudflare's HTTP API are read: a result, or an error in one line. */

import { afterEach, describe, expect, it, vi } from 'vitest'
import { ApiRefusal, callApi, deployedApi, secretNames } from '../../src/cli/cloudflare-api.ts'

const api = { baseUrl: 'https://api.example', accountId: 'account/1', token: 'a secret token' }
const asked: { url: string; init: RequestInit }[] = []
afterEach(() => {
  asked.length = 0
  vi.unstubAllGlobals()
})

const answering = (status: number, body: unknown) =>
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    asked.push({ url, init })
    return new Response(typeof body === 'string' ? body : JSON.stringify(body), { status })
  })
const list = () => callApi(api, 'the list', '/list')

describe('a call of the API', () => {
  it('a call has the account in its path unless it is global, and sends the token only to the API', async () => {
    answering(200, { success: true, result: [{ name: 'JWT_SECRET' }] })
    expect(await secretNames(api, 'a/b')).toEqual(['JWT_SECRET'])
    await callApi(api, 'the zones', '/zones', { isGlobal: true })
    await callApi(api, 'the new x', '/x', { body: {} })
    expect(asked.map(({ url }) => url)).toEqual([
      'https://api.example/accounts/account%2F1/workers/scripts/a%2Fb/secrets',
      'https://api.example/zones',
      'https://api.example/accounts/account%2F1/x',
    ])
    for (const { init } of asked) {
      expect(init).toMatchObject({
        redirect: 'error',
        headers: { Authorization: `Bearer ${api.token}` },
      })
    }
    expect(asked[2]?.init).toMatchObject({
      method: 'POST',
      body: '{}',
      headers: { 'Content-Type': 'application/json' },
    })
  })

  it.each([
    [403, { success: false, errors: [{ message: 'Forbidden' }] }, 'Forbidden'],
    [200, { success: false, errors: [] }, 'no reason given'],
    [200, { success: false }, 'no reason given'],
    [502, '<html>', 'no reason given'],
    [200, 'cut off', 'no reason given'],
  ])(
    'a refusal of the API (%s, %j) is reported in one line with its reason',
    async (status, body, reason) => {
      answering(status, body)
      const refusal = list()
      await expect(refusal).rejects.toThrow(`the list answered ${status}: ${reason}`)
      await expect(refusal).rejects.toBeInstanceOf(ApiRefusal)
      await expect(refusal).rejects.toMatchObject({ status })
    },
  )
})

it.each<[string, unknown, string]>([
  ['the cause', new TypeError('fetch failed', { cause: new Error('ENOTFOUND') }), 'ENOTFOUND'],
  ['the fault', new Error('redirected'), 'redirected'],
  ['its name', Object.assign(new Error(''), { name: 'TimeoutError' }), 'TimeoutError'],
  ['what was thrown', 'gone', 'gone'],
])(
  'an API that cannot be reached (%s) is reported in one line without the token',
  async (_, fault, words) => {
    vi.stubGlobal('fetch', () => Promise.reject(fault))
    await expect(list()).rejects.toThrow(`cannot reach the list at https://api.example: ${words}`)
  },
)

describe('the API of a deployment', () => {
  const env = { CLOUDFLARE_API_TOKEN: ' token ', CLOUDFLARE_ACCOUNT_ID: 'one' }

  it("the API of a deployment is Cloudflare's, unless the environment names another address", () => {
    expect(deployedApi(env)).toEqual({
      baseUrl: 'https://api.cloudflare.com/client/v4',
      accountId: 'one',
      token: 'token',
    })
    const CLOUDFLARE_API_BASE_URL = 'http://127.0.0.1:9//'
    expect(deployedApi({ ...env, CLOUDFLARE_API_BASE_URL }).baseUrl).toBe('http://127.0.0.1:9')
  })

  it.each([
    [
      { CLOUDFLARE_API_TOKEN: ' ' },
      "Cloudflare's API needs CLOUDFLARE_API_TOKEN in the environment",
    ],
    [
      { CLOUDFLARE_ACCOUNT_ID: undefined },
      "Cloudflare's API needs CLOUDFLARE_ACCOUNT_ID in the environment",
    ],
    [
      { CLOUDFLARE_API_BASE_URL: 'ftp://x' },
      'CLOUDFLARE_API_BASE_URL: must be an http or https URL',
    ],
    [
      { CLOUDFLARE_API_BASE_URL: 'https://' },
      'CLOUDFLARE_API_BASE_URL: must be an http or https URL',
    ],
  ])('the API of a deployment is refused with %j', (changed, problem) => {
    expect(() => deployedApi({ ...env, ...changed })).toThrow(problem)
  })
})
