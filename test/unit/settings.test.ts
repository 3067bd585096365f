/** The settings of the registry and of `npm start`: a bad setting stops the service with an error that does not contain its value. */

import { describe, expect, it } from 'vitest'
import { readSettings, SETTING_NAMES, startProblems } from '../../src/config.ts'
import { createKeys, formatKeys } from '../../src/crypto/key-rotation.ts'
import { newWebhookSecret } from '../../src/crypto/webhook-signature.ts'
import { checkSecrets, type GivenSecrets, readStartSettings } from '../../src/local/settings.ts'
import { ALL_SECRET_NAMES } from '../../src/secrets.ts'

const ISSUER = 'https://auth.example.org'
const NO_SECRETS = Object.fromEntries(ALL_SECRET_NAMES.map((name) => [name, ''])) as GivenSecrets

describe('ISSUER', () => {
  it.each([
    ISSUER,
    'https://auth.example.org:8443',
    'http://127.0.0.1:8787',
    'http://[::1]:8787',
    'http://localhost',
  ])('ISSUER may be %s', (issuer) => expect(readSettings({ ISSUER: issuer }).issuer).toBe(issuer))

  it.each([
    'http://auth.example.org',
    'https://auth.example.org/',
    'https://auth.example.org/path',
    'https://auth.example.org?x',
    'https://AUTH.example.org',
    'https://user@auth.example.org',
    'ftp://127.0.0.1',
    'auth.example.org',
    'null',
  ])('ISSUER must be an https origin or an http origin on a loopback address, not %s', (issuer) => {
    expect(() => readSettings({ ISSUER: issuer })).toThrow(/^ISSUER: must be an https origin/)
  })

  it.each([undefined, ''])('ISSUER must be set, not %j', (issuer) => {
    expect(() => readSettings({ ISSUER: issuer })).toThrow('ISSUER: must be set')
  })
})

describe('the other settings', () => {
  it('a setting that is missing or empty has its default', () => {
    const empty = Object.fromEntries(SETTING_NAMES.map((name) => [name, '']))
    expect(readSettings({ ...empty, ISSUER })).toEqual(readSettings({ ISSUER }))
    expect(readSettings({ ISSUER })).toMatchObject({
      loginUrl: null,
      sessionLifetimeSeconds: 7200,
      browserSessionLifetimeSeconds: 7200,
    })
  })

  it('settings are read as text or as numbers', () => {
    for (const CODE_LIFETIME_SECONDS of ['60', 60]) {
      expect(readSettings({ ISSUER, CODE_LIFETIME_SECONDS }).codeLifetimeSeconds).toBe(60)
    }
    for (const [LOG_ANSWERS, all] of [
      ['all', true],
      ['refusals', false],
    ] as const) {
      expect(readSettings({ ISSUER, LOG_ANSWERS }).logsAnswers).toBe(all)
    }
  })

  it.each([
    'https://login.example.org/',
    'https://login.example.org/sign-in?from=registry',
    'http://127.0.0.1:8080/sign-in',
    'http://[::1]/sign-in',
    `${ISSUER}/accounts/login`,
  ])('LOGIN_URL may be %s', (LOGIN_URL) => {
    expect(readSettings({ ISSUER, LOGIN_URL }).loginUrl).toBe(LOGIN_URL)
  })

  it('a revocation is stored for as long as the longest possible session', () => {
    const longest = (access: number, browser: number) =>
      readSettings({
        ISSUER,
        SESSION_LIFETIME_SECONDS: access,
        BROWSER_SESSION_LIFETIME_SECONDS: browser,
      }).longestSessionSeconds
    expect([longest(60, 86_400), longest(86_400, 60)]).toEqual([86_400, 86_400])
  })

  it.each([
    ['CODE_LIFETIME_SECONDS', '59'],
    ['CODE_LIFETIME_SECONDS', '3601'],
    ['SESSION_LIFETIME_SECONDS', '60.5'],
    ['STORAGE_TIMEOUT_SECONDS', 'soon'],
    ['CODE_RETRY_SECONDS', '\t'],
    ['CODE_RETRY_SECONDS', '1e1'],
    ['CODE_RETRY_SECONDS', '0x1'],
    ['LOGIN_URL', 'javascript:alert(1)'],
    ['LOGIN_URL', 'login.example.org'],
    ['LOGIN_URL', 'http://login.example.org/'],
    ['LOGIN_URL', 'https://user:word@login.example.org/'],
    ['LOGIN_URL', 'https://login.example.org/#sign-in'],
    ['LOGIN_URL', 'https://login.example.org/?next_page=/'],
    ['LOGIN_URL', `${ISSUER}/login`],
    ['BROWSER_SESSION_LIFETIME_SECONDS', '60.5'],
    ['LOG_ANSWERS', 'some'],
    ['REQUIRE_PKCE', 'none'],
    ['SCOPE_POLICY', 'toString'],
    ['PRIVATE_USE_SCHEMES', 'cursor javascript'],
    ['PRIVATE_USE_SCHEMES', 'https'],
    ['PRIVATE_USE_SCHEMES', 'com.example.app'],
    ['PRIVATE_USE_SCHEMES', 'cursor://'],
    ['PRIVATE_USE_SCHEMES', 'Cursor'],
    ['LOGIN_URL', 'https://login.example.org/?prompt=login'],
    ['ISSUE_REFRESH_TOKENS', 'never'],
  ])(
    'the bad setting %s=%s stops the service with an error that names the setting without its value',
    (name, value) => {
      const read = () => readSettings({ ISSUER, [name]: value })
      expect(read).toThrow(new RegExp(`^${name}: must be `))
      expect(read).not.toThrow(value)
    },
  )
})

describe('npm start', () => {
  it('npm start needs no environment variable, and treats an empty one as missing', () => {
    const settings = readStartSettings({}, {})
    expect(settings).toMatchObject({
      port: 8787,
      authenticatorPort: 8788,
      demo: true,
      secrets: NO_SECRETS,
      vars: { ISSUER: 'http://127.0.0.1:8787' },
    })
    const names = [...SETTING_NAMES, 'PORT', 'AUTHENTICATOR_PORT', 'DEMO', ...ALL_SECRET_NAMES]
    const empty = Object.fromEntries(names.map((name) => [name, '']))
    expect(readStartSettings(empty, {})).toEqual(settings)
  })

  it('npm start takes a setting from its environment before wrangler.toml', async () => {
    const env = { PORT: '1', AUTHENTICATOR_PORT: '65535', DEMO: '0', CODE_RETRY_SECONDS: '3' }
    const secrets = {
      JWT_SECRET: 's'.repeat(32),
      PROXY_SECRET: 'p'.repeat(32),
      SIGNING_KEYS: await formatKeys(await createKeys('ES256', 0)),
      AUTHENTICATOR_KEYS: await formatKeys(await createKeys('EdDSA', 0)),
      WEBHOOK_SECRET: newWebhookSecret(),
    }
    const configured = { ISSUER, CODE_RETRY_SECONDS: '4', CLIENT_CACHE_SECONDS: '5' }
    expect(readStartSettings({ ...env, ...secrets, STATE_DIR: '/state' }, configured)).toEqual({
      port: 1,
      authenticatorPort: 65_535,
      stateDir: '/state',
      demo: false,
      secrets,
      vars: {
        ISSUER: 'http://127.0.0.1:1',
        CODE_RETRY_SECONDS: '3',
        CLIENT_CACHE_SECONDS: '5',
      },
    })
    expect(readStartSettings({ ISSUER, DEMO: '1' }, {})).toMatchObject({
      demo: true,
      vars: { ISSUER },
    })
  })

  it.each([
    ['PORT', '0'],
    ['PORT', '65536'],
    ['PORT', '80.5'],
    ['PORT', ' 80'],
    ['AUTHENTICATOR_PORT', '8787'],
    ['AUTHENTICATOR_PORT', 'none'],
    ['DEMO', 'yes'],
    ['CODE_RETRY_SECONDS', '61'],
  ])('npm start refuses a bad %s with an error that does not contain its value', (name, value) => {
    const read = () => readStartSettings({ [name]: value }, {})
    expect(read).toThrow(new RegExp(`^${name}: must `))
    expect(read).not.toThrow(new RegExp(` ${value}$`))
  })

  it.each([
    ['JWT_SECRET', 's'.repeat(31), 'must be at least 32 bytes'],
    ['PROXY_SECRET', 's'.repeat(31), 'must be at least 32 bytes of visible ASCII'],
    ['PROXY_SECRET', 'ß'.repeat(32), 'must be at least 32 bytes of visible ASCII'],
    ['SIGNING_KEYS', '{"keys":[]}', 'must '],
    ['AUTHENTICATOR_KEYS', 'secret', 'must '],
    ['WEBHOOK_SECRET', 'secret', 'must be whsec_ and the base64 of 24 to 64 random bytes'],
  ])(
    'npm start and npm run deploy refuse a bad %s with an error that does not contain its value',
    async (name, value, rule) => {
      await expect(checkSecrets(NO_SECRETS)).resolves.toBeUndefined()
      const refusal = await checkSecrets({ ...NO_SECRETS, [name]: value }).catch(String)
      expect(refusal).toMatch(new RegExp(`^Refusal: ${name}: ${rule}`))
      expect(refusal).not.toContain(value)
    },
  )
})

describe('the secrets of the authenticator', () => {
  const JWT_SECRET = 's'.repeat(32)
  const PROXY_SECRET = 'p'.repeat(32)
  const problems = (secrets: Record<string, unknown>) =>
    startProblems('authenticator', { SESSIONS: {}, ISSUER, ...secrets })

  it('the authenticator accepts one JWT secret and one or two proxy secrets', () => {
    for (const given of [undefined, '', PROXY_SECRET, `${PROXY_SECRET} ${'q'.repeat(32)}`]) {
      expect(problems({ JWT_SECRET, PROXY_SECRET: given })).toEqual([])
    }
  })

  it.each([
    [{}, 'JWT_SECRET: must be at least 32 bytes'],
    [{ JWT_SECRET: {} }, 'JWT_SECRET: must be at least 32 bytes'],
    [{ JWT_SECRET: 's'.repeat(31) }, 'JWT_SECRET: must be at least 32 bytes'],
    [
      { JWT_SECRET, PROXY_SECRET: `${PROXY_SECRET} short` },
      'PROXY_SECRET: must be at least 32 bytes of visible ASCII',
    ],
    [
      { JWT_SECRET, PROXY_SECRET: 'é'.repeat(32) },
      'PROXY_SECRET: must be at least 32 bytes of visible ASCII',
    ],
    [{ JWT_SECRET, PROXY_SECRET: JWT_SECRET }, 'PROXY_SECRET: must not be JWT_SECRET'],
    [
      { JWT_SECRET, PROXY_SECRET: `${PROXY_SECRET} ${JWT_SECRET}` },
      'PROXY_SECRET: must not be JWT_SECRET',
    ],
  ])('the bad secrets %j stop the authenticator', (secrets, problem) => {
    expect(problems(secrets)).toEqual([problem])
  })
})
