/** What a client may register: redirect URIs (RFC 6749 §3.1.2, RFC 8252 §7), and combinations of fields. */

import { describe, expect, it } from 'vitest'
import { AUTH_METHODS, type AuthMethod } from '../../src/domain/client.ts'
import {
  grantTypesByDefault,
  noneUsable,
  redirectUriProblem,
  registrationProblem,
  usableRedirectUris,
} from '../../src/domain/registration.ts'

describe('a redirect URI', () => {
  it.each([
    'https://app.example/callback',
    'https://app.example',
    'https://app.example:8443/cb?from=registry',
    'https://xn--bcher-kva.example/cb',
    'http://127.0.0.1/cb',
    'http://127.0.0.1:5000/cb',
    'http://[::1]:5000/cb',
    'http://[::1]',
    'http://127.0.0.1:443/cb',
    'https://app.example:80?from=registry',
    'http://localhost/cb',
  ])('the redirect URI %s is allowed for every client', (uri) => {
    expect(redirectUriProblem(uri, false)).toBeNull()
    expect(redirectUriProblem(uri, true)).toBeNull()
  })

  it.each(['com.example.app:/cb', 'com.example.app://cb'])(
    'the redirect URI %s is allowed for public clients only',
    (uri) => {
      expect(redirectUriProblem(uri, true)).toBeNull()
      expect(redirectUriProblem(uri, false)).toMatch(/private-use scheme/)
    },
  )

  it.each([
    ['', /absolute/],
    ['callback', /absolute/],
    ['//app.example/cb', /absolute/],
    ['https:', /absolute/],
    ['https://', /absolute/],
    ['https://app.example/a b', /absolute/],
    ['https://app.example/\n', /absolute/],
    ['https://bücher.example/cb', /absolute/],
    ['https://app.example/cb#', /fragment/],
    ['https://app.example/cb#part', /fragment/],
    ['com.example.app:/cb#part', /fragment/],
    ['https://*.app.example/cb', /wildcard/],
    ['https://app.example/*', /wildcard/],
    ['https://app.example\\@evil.example/', /backslash/],
    ['https://app.example@evil.example/', /user/],
    ['https://@evil.example/', /user/],
    ['https://:word@evil.example/', /user/],
    ['HTTPS://app.example/cb', /absolute/],
    ['https://App.Example/cb', /normal form, https:\/\/app\.example/],
    ['https:app.example/cb', /normal form/],
    ['https://app.example:443/cb', /normal form, https:\/\/app\.example$/],
    ['https://app.example:/cb', /normal form/],
    ['http://127.0.0.1:80/cb', /normal form, http:\/\/127\.0\.0\.1$/],
    ['http://[::1]:80/cb', /normal form/],
    ['http://127.0.0.1:05000/cb', /normal form/],
    ['http://127.1/cb', /normal form/],
    ['http://2130706433/cb', /normal form/],
    ['http://app.example/cb', /must be https/],
    ['http://127.0.0.1.evil.example/cb', /must be https/],
    ['http://localhost.evil.example/cb', /must be https/],
    ['http://10.0.0.1/cb', /must be https/],
    ['http://0.0.0.0/cb', /must be https/],
    ['javascript:alert(1)', /private-use scheme with a dot/],
    ['data:text/html,hello', /private-use scheme with a dot/],
    ['vbscript:x', /private-use scheme with a dot/],
    ['file:///etc/passwd', /private-use scheme with a dot/],
    ['blob:https://app.example/x', /private-use scheme with a dot/],
    ['about:blank', /private-use scheme with a dot/],
    ['intent://scan/#Intent', /fragment/],
    ['view-source:https://app.example', /private-use scheme with a dot/],
    ['mailto:ada@app.example', /private-use scheme with a dot/],
    ['my_app:/cb', /absolute/],
    ['ftp://app.example/cb', /private-use scheme with a dot/],
    [`https://app.example/${'a'.repeat(2000)}`, /longer than 2000/],
  ])('the redirect URI %j is refused for every client', (uri, problem) => {
    expect(redirectUriProblem(uri, true)).toMatch(problem)
    expect(redirectUriProblem(uri, false)).toMatch(problem)
  })
})

describe('a registration', () => {
  const uri = 'https://app.example/cb'

  it.each([
    { authMethod: 'client_secret_post', redirectUris: [], grantTypes: ['client_credentials'] },
    { authMethod: 'client_secret_basic', redirectUris: [uri], grantTypes: ['authorization_code'] },
    { authMethod: 'none', redirectUris: [uri], grantTypes: ['authorization_code'] },
    { authMethod: 'none', redirectUris: [], grantTypes: [] },
  ] as const)('the registration %j is accepted', (registered) => {
    expect(registrationProblem({ jwks: null, jwksUri: '', ...registered })).toBeNull()
  })

  it.each([
    {
      registered: { redirectUris: [], grantTypes: ['authorization_code'] },
      problem: /needs a redirect URI/,
    },
    {
      registered: { redirectUris: [uri, 'http://a.example/'], grantTypes: [] },
      problem: /^redirect URI "http:\/\/a\.example\/" must be https/,
    },
  ])('the registration $registered is refused', ({ registered, problem }) => {
    for (const authMethod of ['client_secret_post', 'none'] as const) {
      expect(
        registrationProblem({ authMethod, jwks: null, jwksUri: '', ...registered })?.sentence,
      ).toMatch(problem)
    }
  })

  const dotless = ['cursor://callback', 'myapp:/cb']
  it.each(dotless)('the redirect URI %s without a dot is for public clients', (uri) => {
    expect(redirectUriProblem(uri, true)).toBeNull()
    expect(redirectUriProblem(uri, false)).toMatch(/private-use scheme/)
  })

  it.each([uri, 'http://localhost/cb', 'http://127.0.0.1:5000/cb', 'com.example.app:/cb'])(
    'redirect URIs without a dot can be registered only together with another one such as %s',
    (usable) => {
      const rest = {
        authMethod: 'none',
        jwks: null,
        jwksUri: '',
        grantTypes: ['authorization_code'],
      } as const
      expect(registrationProblem({ ...rest, redirectUris: [...dotless, usable] })).toBeNull()
      expect(registrationProblem({ ...rest, redirectUris: dotless })?.sentence).toMatch(
        /^redirect URI "cursor:\/\/callback" has a scheme without a dot.*register another/,
      )
    },
  )

  it('a public client cannot be registered for client_credentials (RFC 6749 §4.4)', () => {
    const grantTypes = ['client_credentials']
    const registered = {
      authMethod: 'none',
      jwks: null,
      jwksUri: '',
      redirectUris: [],
      grantTypes,
    } as const
    expect(registrationProblem(registered)?.sentence).toMatch(/keeps a secret/)
  })

  it('a registration may have jwks_uri in place of a JWK Set, and only with private_key_jwt', () => {
    const problem = (authMethod: AuthMethod) =>
      registrationProblem({
        ...{ authMethod, jwks: null, redirectUris: [], grantTypes: [] },
        jwksUri: 'https://app.example/keys',
      })
    expect(problem('private_key_jwt')).toBeNull()
    expect(problem('none')?.field).toBe('jwks_uri')
  })

  it('a self-registration keeps only the redirect URIs that are allowed for it', () => {
    const uris = ['cursor://x', 'http://evil.example/', 'https://app.example/', 'com.example:/cb']
    const kept = (isPublic: boolean, allowed: string[], some = uris) =>
      usableRedirectUris(some, { isPublic, allowed })
    expect(kept(true, [])).toEqual([uris[0], uris[2], uris[3]])
    expect(kept(false, [])).toEqual([uris[2]])
    expect(kept(true, [], ['cursor://x', 'http://evil.example/'])).toEqual([])
    expect(kept(true, ['cursor'], ['cursor://x'])).toEqual(['cursor://x'])
  })

  it.each([
    ['https://a.example/cb#x', true, 'the first must not have a fragment'],
    ['http://a.example/cb', true, 'the first must be https; http is for'],
    ['com.example.app:/cb', false, 'the first has a private-use scheme, which is for'],
    ['cursor://x', true, 'https, http on a loopback address or a private-use scheme with a dot'],
  ])(
    'the error for a self-registration without a usable redirect URI says why %s is not usable',
    (uri, isPublic, why) => {
      const sentence = noneUsable([uri, 'https://*.a.example/'], isPublic)
      expect(sentence).toMatch(/^\{field\} has none that can be used: /)
      expect(sentence).toContain(why)
      expect(sentence).not.toContain(uri)
    },
  )

  it('a registration with several wrong redirect URIs names each of the first five', () => {
    const given = (redirectUris: string[]) =>
      registrationProblem({
        ...{ authMethod: 'client_secret', jwks: null, jwksUri: '', redirectUris },
        grantTypes: ['authorization_code'],
      })
    const good = 'https://a.example/cb'
    expect(given([good])).toBeNull()
    expect(given(['http://a.example/cb', good, `${good}#x`])).toEqual({
      field: 'redirect_uris',
      sentence:
        'redirect URI "http://a.example/cb" must be https; http is for 127.0.0.1, [::1] and localhost only; ' +
        'redirect URI "https://a.example/cb#x" must not have a fragment',
    })
    const many = Array.from({ length: 50 }, (_, i) => `${good}#${i}`)
    expect(given(many)?.sentence.match(/redirect URI/g)).toHaveLength(5)
  })

  it('a registration must have a JWK Set with private_key_jwt, and must not have one with another method', () => {
    const problem = (authMethod: AuthMethod, jwks: string | null) =>
      registrationProblem({ authMethod, jwks, jwksUri: '', redirectUris: [], grantTypes: [] })
        ?.sentence ?? null
    expect(problem('private_key_jwt', '{"keys":[]}')).toBeNull()
    expect(problem('private_key_jwt', null)).toMatch(/needs a JWK Set/)
    for (const method of AUTH_METHODS.filter((name) => name !== 'private_key_jwt')) {
      expect(problem(method, '{"keys":[]}')).toMatch(/private_key_jwt alone/)
    }
  })

  it('the default grant types of a registration are those that the client can use', () => {
    const byDefault = (authMethod: 'none' | 'client_secret_post', ...redirectUris: string[]) =>
      grantTypesByDefault({ authMethod, redirectUris })
    expect(byDefault('client_secret_post')).toEqual(['client_credentials'])
    expect(byDefault('client_secret_post', uri)).toEqual([
      'client_credentials',
      'authorization_code',
    ])
    expect(byDefault('none', uri)).toEqual(['authorization_code'])
    expect(byDefault('none')).toEqual([])
  })
})
