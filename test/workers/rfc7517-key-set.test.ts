/** RFC 7517, RFC 7638, RFC 9701: the published keys, and introspection that is signed by them. */

import { calculateJwkThumbprint, decodeProtectedHeader } from 'jose'
import { describe, expect, it, vi } from 'vitest'
import {
  addKey,
  EXPIRED_AFTER_SECONDS,
  formatKeys,
  PUBLISHED_AFTER_SECONDS,
  promoteKey,
  retireKey,
} from '../../src/crypto/key-rotation.ts'
import { publicKeys, SIGNING_ALGORITHMS, type SigningKeys } from '../../src/crypto/signing-keys.ts'
import { identityOf, machineToken, newRefreshingClient, userTokens } from './obtaining.ts'
import { ISSUER, newClient, nowSeconds, post, registry, serve } from './registry.ts'
import { joseService, newKeys } from './signing.ts'

const keys = await addKey(await newKeys(), 'EdDSA', nowSeconds())
const SIGNING_KEYS = await formatKeys(keys)
const signing = serve({ SIGNING_KEYS })
const METADATA = '/.well-known/oauth-authorization-server'
const AS_JWT = 'application/token-introspection+jwt'

describe('RFC 7517 §5: the key set', () => {
  it('the key set has the public part of every key, under its RFC 7638 thumbprint', async () => {
    const response = await signing('/jwks.json')
    expect(response.status).toBe(200)
    expect(response.headers.get('Content-Type')).toBe('application/jwk-set+json')
    const { keys: published } = (await response.json()) as { keys: Record<string, string>[] }
    expect(published).toEqual((await publicKeys(keys)).keys)
    for (const key of published) expect(key.kid).toBe(await calculateJwkThumbprint(key))
  })

  it('the key set has no private member', async () => {
    const text = await (await signing('/jwks.json')).text()
    expect(SIGNING_KEYS).toContain('"d":')
    expect(text).not.toContain('"d"')
    for (const { d } of keys) expect(text).not.toContain(d)
  })

  it('anyone may read and cache the key set, including scripts of any origin', async () => {
    for (const method of ['GET', 'HEAD']) {
      const response = await signing('/jwks.json', { method })
      expect(response.status).toBe(200)
      expect(response.headers.get('Cache-Control')).toBe('public, max-age=300')
      expect(response.headers.get('Access-Control-Allow-Origin')).toBe('*')
    }
    const preflight = await signing('/jwks.json', {
      method: 'OPTIONS',
      headers: { Origin: 'https://app.example', 'Access-Control-Request-Method': 'GET' },
    })
    expect(preflight.headers.get('Access-Control-Allow-Methods')).toContain('GET')
    const posted = await signing('/jwks.json', { method: 'POST' })
    expect([posted.status, posted.headers.get('Allow')]).toEqual([405, 'GET, HEAD'])
  })

  it('without SIGNING_KEYS the key set is empty, and the metadata has no jwks_uri', async () => {
    const response = await registry('/jwks.json')
    expect([response.status, await response.json()]).toEqual([200, { keys: [] }])
    const metadata = (await (await registry(METADATA)).json()) as Record<string, unknown>
    expect(metadata).not.toHaveProperty('jwks_uri')
    expect(metadata).not.toHaveProperty('introspection_signing_alg_values_supported')
  })

  it('with SIGNING_KEYS the metadata has the jwks_uri and the algorithm of the key that signs', async () => {
    const metadata = await (await signing(METADATA)).json()
    expect(metadata).toMatchObject({
      jwks_uri: `${ISSUER}/jwks.json`,
      introspection_signing_alg_values_supported: ['ES256'],
    })
  })

  it('a registry with invalid SIGNING_KEYS does not start, and the error names the setting and not its value', () => {
    const bad = SIGNING_KEYS.replace('"EC"', '"RSA"')
    expect(() => serve({ SIGNING_KEYS: bad })).toThrow(
      'SIGNING_KEYS: key 1 must be of the type EC P-256 or OKP Ed25519',
    )
  })
})

describe('RFC 9701: signed introspection', () => {
  const introspect = async (
    fetch: typeof registry,
    accept: string | undefined,
    about?: { client: Awaited<ReturnType<typeof newClient>>; token: string },
  ) => {
    const client = about?.client ?? (await newClient())
    const token = about?.token ?? (await machineToken(client))
    const headers = accept === undefined ? {} : { Accept: accept }
    const response = await post('/introspect', { ...identityOf(client), token }, headers, fetch)
    return { client, response }
  }

  it('a signed introspection response is a JWT for the client that asked, without the claims of an access token', async () => {
    const client = await newRefreshingClient()
    const { access } = await userTokens(client)
    const { response } = await introspect(signing, AS_JWT, { client, token: access })
    expect([response.status, response.headers.get('Content-Type')]).toEqual([200, AS_JWT])
    expect(response.headers.get('Cache-Control')).toBe('no-store')
    const jwt = await response.text()
    const [first] = (await publicKeys(keys)).keys
    const typ = 'token-introspection+jwt'
    expect(decodeProtectedHeader(jwt)).toEqual({ alg: 'ES256', typ, kid: first?.kid })
    const claims = await joseService(signing).verify(jwt, typ)
    const plain = await (
      await introspect(signing, undefined, { client, token: access })
    ).response.json()
    expect(plain).toMatchObject({ active: true })
    expect(claims).toEqual({
      iss: ISSUER,
      aud: client.id,
      iat: expect.any(Number),
      token_introspection: plain,
    })
  })

  it('a signed introspection response about an inactive token states only that the token is inactive', async () => {
    const client = await newClient()
    const { response } = await introspect(signing, AS_JWT, { client, token: 'reg_junk' })
    const claims = await joseService(signing).verify(
      await response.text(),
      'token-introspection+jwt',
    )
    expect(claims.token_introspection).toEqual({ active: false })
  })

  it.each([
    [`application/json, ${AS_JWT.toUpperCase()};q=0.5`, true],
    [`${AS_JWT} ; charset=utf-8`, true],
    [`${AS_JWT};q=0`, false],
    [`${AS_JWT}; q=0.00`, false],
    [`${AS_JWT}x`, false],
    ['*/*', false],
    ['application/json', false],
    [undefined, false],
  ])(
    'an introspection response is signed if the Accept header asks for it: %s -> %s',
    async (accept, isSigned) => {
      const { response } = await introspect(signing, accept)
      expect(response.headers.get('Content-Type')).toBe(isSigned ? AS_JWT : 'application/json')
    },
  )

  it('with a key that cannot sign, signed introspection is 503, other introspection works, and no member of the key is logged', async () => {
    const logged = [vi.spyOn(console, 'error'), vi.spyOn(console, 'log')]
    for (const log of logged) log.mockImplementation(() => {})
    try {
      for (const alg of SIGNING_ALGORITHMS) {
        const [one, other] = [await newKeys(alg), await newKeys(alg)]
        const mixed = { ...one[0], d: other[0].d }
        const fetch = serve({ SIGNING_KEYS: JSON.stringify({ keys: [mixed] }) })
        const { response } = await introspect(fetch, AS_JWT)
        expect(response.status).toBe(503)
        expect(await response.json()).toMatchObject({ error: 'temporarily_unavailable' })
        const plain = await introspect(fetch, undefined)
        expect(await plain.response.json()).toMatchObject({ active: true })
        const lines = logged.flatMap((log) => log.mock.calls.flat()).join('\n')
        expect(lines).toContain('the first key cannot sign')
        for (const member of [mixed.d, mixed.x]) expect(lines).not.toContain(member)
        for (const log of logged) log.mockClear()
      }
    } finally {
      vi.restoreAllMocks()
    }
  })

  it('an introspection response is JSON without SIGNING_KEYS, and a refusal is always JSON', async () => {
    const { response } = await introspect(registry, AS_JWT)
    expect(await response.json()).toMatchObject({ active: true })
    const refused = await post(
      '/introspect',
      { token: 'x', client_id: 'nobody' },
      { Accept: AS_JWT },
      signing,
    )
    expect(await refused.json()).toMatchObject({ error: 'invalid_client' })
  })
})

/** Runs `work` with the clock of this process this many seconds ahead. */
const atSecond = async <T>(second: number, work: () => Promise<T>): Promise<T> => {
  const startMs = Date.now()
  const clock = vi.spyOn(Date, 'now').mockImplementation(() => startMs + second * 1000)
  try {
    return await work()
  } finally {
    clock.mockRestore()
  }
}

describe('a rotation at a service that caches the key set', () => {
  const typ = 'token-introspection+jwt'

  async function rotation() {
    const client = await newClient()
    const token = await machineToken(client)
    const signedBy = async (signer: SigningKeys) => {
      const fetch = serve({ SIGNING_KEYS: await formatKeys(signer) })
      const fields = { ...identityOf(client), token }
      return (await post('/introspect', fields, { Accept: AS_JWT }, fetch)).text()
    }
    const created = await newKeys()
    const added = await addKey(created, 'ES256', nowSeconds())
    const [old = '', young = ''] = (await publicKeys(added)).keys.map(({ kid }) => kid)
    const promoted = await promoteKey(added, young, nowSeconds())
    const retired = await retireKey(promoted, old)
    return { signedBy, created, added, promoted, retired }
  }

  it('a service that caches the key set accepts, in every step of a rotation after its wait, the JWTs of this step and of the step before', async () => {
    const { signedBy, created, added, promoted, retired } = await rotation()
    let deployed: SigningKeys = created
    const service = joseService(async (path, init) =>
      serve({ SIGNING_KEYS: await formatKeys(deployed) })(path, init),
    )
    const steps = [
      [0, created],
      [60, added],
      [60 + PUBLISHED_AFTER_SECONDS, promoted],
      [60 + PUBLISHED_AFTER_SECONDS + EXPIRED_AFTER_SECONDS, retired],
    ] as const
    let before = await signedBy(created)
    for (const [second, step] of steps) {
      // The service still has the previous key set.
      await atSecond(second, async () => service.verify(before, typ))
      deployed = step
      const now = await signedBy(step)
      await atSecond(second + 1, async () => service.verify(now, typ))
      if (step !== retired) await atSecond(second + 2, async () => service.verify(before, typ))
      before = now
    }
  })

  it('control: a service that has just read the key set refuses a key that signs before its publication, and a retired key', async () => {
    const { signedBy, created, added, promoted, retired } = await rotation()
    const service = joseService(serve({ SIGNING_KEYS: await formatKeys(created) }))
    await service.verify(await signedBy(added), typ)
    await expect(service.verify(await signedBy(promoted), typ)).rejects.toThrow()
    const late = joseService(serve({ SIGNING_KEYS: await formatKeys(retired) }))
    await late.verify(await signedBy(promoted), typ)
    await expect(late.verify(await signedBy(created), typ)).rejects.toThrow()
  })
})
