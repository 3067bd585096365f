/** Settings of the registry: a bad one stops the service, and its value is told to nobody. */

import { describe, expect, it } from 'vitest'
import { readSettings, SETTING_NAMES } from '../../src/config.ts'

const ISSUER = 'https://auth.example.org'

describe('ISSUER', () => {
  it.each([
    ISSUER,
    'https://auth.example.org:8443',
    'http://127.0.0.1:8787',
    'http://[::1]:8787',
    'http://localhost',
  ])('may be %s', (issuer) => expect(readSettings({ ISSUER: issuer }).issuer).toBe(issuer))

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
  ])('must be an https origin, or an http one on a loopback address: not %s', (issuer) => {
    expect(() => readSettings({ ISSUER: issuer })).toThrow(/^ISSUER: must be an https origin/)
  })

  it.each([undefined, ''])('must be set: not %j', (issuer) => {
    expect(() => readSettings({ ISSUER: issuer })).toThrow('ISSUER: must be set')
  })
})

describe('the other settings', () => {
  it('have defaults, also when they are empty', () => {
    const empty = Object.fromEntries(SETTING_NAMES.map((name) => [name, '']))
    expect(readSettings({ ...empty, ISSUER })).toEqual(readSettings({ ISSUER }))
    expect(readSettings({ ISSUER })).toMatchObject({ loginUrl: null, sessionLifetimeSeconds: 7200 })
  })

  it('are read as text or as numbers', () => {
    for (const CODE_LIFETIME_SECONDS of ['60', 60]) {
      expect(readSettings({ ISSUER, CODE_LIFETIME_SECONDS }).codeLifetimeSeconds).toBe(60)
    }
    for (const [LOG_ANSWERS, all] of [
      ['all', true],
      ['refusals', false],
    ] as const) {
      expect(readSettings({ ISSUER, LOG_ANSWERS }).logsAnswers).toBe(all)
    }
    const LOGIN_URL = 'https://login.example.org/'
    expect(readSettings({ ISSUER, LOGIN_URL }).loginUrl).toBe(LOGIN_URL)
  })

  it.each([
    ['CODE_LIFETIME_SECONDS', '59'],
    ['CODE_LIFETIME_SECONDS', '3601'],
    ['SESSION_LIFETIME_SECONDS', '60.5'],
    ['STORAGE_TIMEOUT_SECONDS', 'soon'],
    ['LOGIN_URL', 'javascript:alert(1)'],
    ['LOGIN_URL', 'login.example.org'],
    ['LOG_ANSWERS', 'some'],
  ])(
    'stop the service when they are bad, and are named without their value: %s %s',
    (name, value) => {
      const read = () => readSettings({ ISSUER, [name]: value })
      expect(read).toThrow(new RegExp(`^${name}: must be `))
      expect(read).not.toThrow(value)
    },
  )
})
