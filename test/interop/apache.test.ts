/** Real Apache with examples/apache.conf: mod_auth_openidc introspects each token. */

import { describe, expect, it } from 'vitest'
import { leavesNoSecret, linesOf } from '../node/recorded-registry.ts'
import { apache, product, proofForToken, useApache } from './apache.ts'

const tokenFor = (scope: string, headers: Readonly<Record<string, string>> = {}) =>
  product.tokenFor(product.demoClient, { scope }, headers)

const get = (path: string, token?: string) =>
  apache.get(path, token ? { Authorization: `Bearer ${token}` } : {})

useApache('examples/apache.conf', async () => {
  const { id, secret } = await product.newClient('client_secret', '--may-introspect')
  return { CLIENT_ID: id, CLIENT_SECRET: secret }
})

describe('Apache with mod_auth_openidc', () => {
  it('mod_auth_openidc accepts a valid token and passes its user to the service', async () => {
    expect((await get('/', await tokenFor('public:read'))).status).toBe(200)
    const [reached] = apache.reached()
    expect(reached).toMatchObject({ oidc_claim_client_id: product.demo.clientId })
  })

  it('mod_auth_openidc does not pass the token to the service', async () => {
    const token = await tokenFor('public:read')
    await get('/', token)
    const reached = apache.reached()
    expect(reached).toHaveLength(1)
    expect(JSON.stringify(reached)).not.toContain(token)
  })

  it('mod_auth_openidc refuses a caller without a token and a token that was never issued', async () => {
    expect((await get('/')).status).toBe(401)
    expect((await get('/', 'reg_never-issued')).status).toBe(401)
    expect(apache.reached()).toEqual([])
  })

  it('mod_auth_openidc replaces a claim that the caller forged', async () => {
    const headers = { Authorization: `Bearer ${await tokenFor('public:read')}` }
    await apache.get('/', { ...headers, OIDC_CLAIM_sub: 'forged', OIDC_CLAIM_username: 'forged' })
    const reached = apache.reached()
    expect(reached).toHaveLength(1)
    expect(JSON.stringify(reached)).not.toContain('forged')
  })

  it('mod_auth_openidc refuses a token without the scope of the path', async () => {
    expect((await get('/submissions', await tokenFor('public:read'))).status).toBe(401)
    expect((await get('/submissions', await tokenFor('submission:read'))).status).toBe(200)
    expect(apache.reached()).toHaveLength(1)
  })

  it('mod_auth_openidc refuses a token that is bound to a key, because it cannot check the proof', async () => {
    const bound = await tokenFor('submission:read', { DPoP: await proofForToken(product.registry) })
    expect((await get('/', bound)).status).toBe(401)
    expect((await get('/submissions', bound)).status).toBe(401)
    expect(apache.reached()).toEqual([])
  })

  it('mod_auth_openidc refuses a revoked token', async () => {
    const token = await tokenFor('public:read')
    const { clientId, clientSecret } = product.demo
    await fetch(`${product.registry}/revoke`, {
      method: 'POST',
      body: new URLSearchParams({ token, client_id: clientId, client_secret: clientSecret }),
    })
    expect((await get('/', token)).status).toBe(401)
    product.note(...linesOf('apache', apache.printed()))
  })
})

leavesNoSecret(() => product, {
  ...{ secrets: 8, line: 10, row: 20, key: 2, value: 2, file: 10, answer: 8 },
})
