/** Real Apache with examples/apache-key-set.conf: mod_auth_openidc verifies signed tokens with /jwks.json. */

import { decodeJwt } from 'jose'
import { describe, expect, it } from 'vitest'
import { leavesNoSecret, linesOf } from '../node/recorded-registry.ts'
import type { RegisteredClient } from '../node/running-registry.ts'
import { apache, product, proofForToken, useApache } from './apache.ts'

const ARCHIVE = 'https://archive.example'
const ELSEWHERE = 'https://elsewhere.example'
const SCOPES = 'public:read submission:read'

let client: RegisteredClient

useApache('examples/apache-key-set.conf', async () => {
  for (const uri of [ARCHIVE, ELSEWHERE]) await product.newResource(uri, SCOPES, 'jwt')
  client = await product.newClient('client_secret', '--scope', SCOPES)
  return { RESOURCE: ARCHIVE, ISSUER: product.registry }
})

const tokenFor = (scope: string, resource?: string, headers = {}) =>
  product.tokenFor(client, { scope, ...(resource && { resource }) }, headers)

const get = async (path: string, token: string) =>
  (await apache.get(path, { Authorization: `Bearer ${token}` })).status

/** The token with changed claims and the original signature. */
const forged = (token: string) => {
  const [header, claims = '', signature] = token.split('.')
  const text = Buffer.from(claims, 'base64url').toString().replace('public:read', 'public:all!')
  return [header, Buffer.from(text).toString('base64url'), signature].join('.')
}

describe('Apache with mod_auth_openidc and the key set', () => {
  it('Apache verifies a signed token with the key set and passes its user to the service', async () => {
    expect(await get('/', await tokenFor('public:read', ARCHIVE))).toBe(200)
    const reached = apache.reached()
    expect(reached).toHaveLength(1)
    expect(reached[0]).toMatchObject({ oidc_claim_client_id: client.id, oidc_claim_sub: client.id })
  })

  it('Apache refuses a signed token for another resource, an opaque token, and one whose claims were changed', async () => {
    const good = await tokenFor('public:read', ARCHIVE)
    const statuses = [
      await get('/', await tokenFor('public:read', ELSEWHERE)),
      await get('/', await tokenFor('public:read')),
      await get('/', forged(good)),
      await get('/', good),
    ]
    expect(statuses).toEqual([401, 401, 401, 200])
    expect(apache.reached()).toHaveLength(1)
  })

  it('Apache refuses a signed token that is bound to a key, because it cannot check the proof', async () => {
    const bound = await tokenFor('public:read', ARCHIVE, {
      DPoP: await proofForToken(product.registry),
    })
    expect(decodeJwt(bound)).toHaveProperty('cnf')
    expect(await get('/', bound)).toBe(401)
    expect(apache.reached()).toEqual([])
  })

  it('Apache refuses a signed token without the scope of the path', async () => {
    expect(await get('/submissions', await tokenFor('public:read', ARCHIVE))).toBe(401)
    expect(await get('/submissions', await tokenFor('submission:read', ARCHIVE))).toBe(200)
    expect(apache.reached()).toHaveLength(1)
    product.note(...linesOf('apache', apache.printed()))
  })
})

leavesNoSecret(() => product, {
  ...{ secrets: 8, line: 10, row: 20, key: 0, value: 0, file: 10, answer: 8 },
})
