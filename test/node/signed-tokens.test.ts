/** Signed access tokens of `npm start`, verified by third-party libraries with only the metadata and the key set. */

import { createRemoteJWKSet, exportJWK, generateKeyPair, jwtVerify } from 'jose'
import * as oauth from 'oauth4webapi'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningRegistry, startRegistry } from './running-registry.ts'

const API = 'https://archive.example'
const insecure = { [oauth.allowInsecureRequests]: true }

let running: RunningRegistry
let as: oauth.AuthorizationServer
let client: Readonly<{ id: string; secret: string }>

beforeAll(async () => {
  running = await startRegistry()
  await running.newResource(API, 'archive:read', 'jwt')
  client = await running.newClient('client_secret_post', '--scope', 'archive:read')
  const issuer = new URL(running.registry)
  const metadata = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure })
  as = await oauth.processDiscoveryResponse(issuer, metadata)
})
afterAll(() => running?.end())

async function obtained(options: object = {}) {
  const response = await oauth.clientCredentialsGrantRequest(
    as,
    { client_id: client.id },
    oauth.ClientSecretPost(client.secret),
    { resource: API },
    { ...insecure, ...options },
  )
  return oauth.processClientCredentialsResponse(as, { client_id: client.id }, response)
}

const requestWith = (headers: Record<string, string>) => new Request(`${API}/papers`, { headers })

describe('a signed access token of npm start', () => {
  it('jose verifies a signed token with the jwks_uri of the metadata, and refuses one for another audience', async () => {
    const { access_token, expires_in } = await obtained()
    expect(expires_in).toBe(600)
    const keys = createRemoteJWKSet(new URL(as.jwks_uri ?? ''))
    const options = {
      issuer: running.registry,
      audience: API,
      typ: 'at+jwt',
      algorithms: ['ES256'],
    }
    const { payload } = await jwtVerify(access_token, keys, options)
    expect(payload).toMatchObject({ sub: client.id, client_id: client.id, scope: 'archive:read' })
    await expect(
      jwtVerify(access_token, keys, { ...options, audience: 'https://other.example' }),
    ).rejects.toThrow('aud')
  })

  it('oauth4webapi validates a signed token by RFC 9068', async () => {
    const { access_token } = await obtained()
    const request = requestWith({ Authorization: `Bearer ${access_token}` })
    const claims = await oauth.validateJwtAccessToken(as, request, API, insecure)
    expect(claims.client_id).toBe(client.id)
    await expect(
      oauth.validateJwtAccessToken(as, request, 'https://other.example', insecure),
    ).rejects.toThrow()
  })

  it('oauth4webapi validates a key-bound signed token with its proof (RFC 9449), and refuses it without a proof', async () => {
    const pair = await oauth.generateKeyPair('ES256')
    const DPoP = oauth.DPoP({}, pair)
    const { access_token, token_type } = await obtained({ DPoP })
    expect(token_type).toBe('dpop')
    let sent: Request | undefined
    await oauth.protectedResourceRequest(
      access_token,
      'GET',
      new URL(`${API}/papers`),
      undefined,
      null,
      {
        DPoP,
        [oauth.customFetch]: async (url, { headers, method }) => {
          sent = new Request(url, { headers, method })
          return new Response()
        },
      },
    )
    if (!sent) throw new Error('no request')
    await oauth.validateJwtAccessToken(as, sent, API, { ...insecure, requireDPoP: true })
    const bare = requestWith({ Authorization: `DPoP ${access_token}` })
    await expect(oauth.validateJwtAccessToken(as, bare, API, insecure)).rejects.toThrow()
  })

  it('jose, oauth4webapi and the authenticator refuse a token that another key has signed', async () => {
    const { access_token } = await obtained()
    const [header = '', payload] = access_token.split('.')
    const { privateKey } = await generateKeyPair('ES256', { extractable: true })
    expect((await exportJWK(privateKey)).d).toBeDefined()
    const data = new TextEncoder().encode(`${header}.${payload}`)
    const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, privateKey, data)
    const forged = `${header}.${payload}.${Buffer.from(signature).toString('base64url')}`
    const keys = createRemoteJWKSet(new URL(as.jwks_uri ?? ''))
    await expect(jwtVerify(forged, keys)).rejects.toThrow('signature')
    const check = (token: string) =>
      fetch(`${running.authenticator}/auth?audience=${API}`, {
        headers: { Authorization: `Bearer ${token}` },
      })
    expect((await check(forged)).status).toBe(401)
    expect((await check(access_token)).status).toBe(200)
  })

  it('after the command line revokes a signed token, a fresh check refuses it, and a service with only the key set accepts it', async () => {
    const { access_token } = await obtained()
    const answer = await running.administer('session', 'revoke', '--token', access_token)
    expect(answer).toMatchObject({ revoked: true, effective_within_seconds: 70 })
    const headers = { Authorization: `Bearer ${access_token}` }
    const fresh = await fetch(`${running.authenticator}/auth?fresh`, { headers })
    expect(fresh.status).toBe(401)
    await oauth.validateJwtAccessToken(as, requestWith(headers), API, insecure)
  })
})
