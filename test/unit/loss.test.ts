/** What a client loses by a change of its registration, and what ends for it. */

import { describe, expect, it } from 'vitest'
import { endedBy, type Registration } from '../../src/domain/loss.ts'

const jwks = (...ids: string[]) => JSON.stringify({ keys: ids.map((kid) => ({ kty: 'EC', kid })) })
const REGISTERED: Registration = {
  authMethod: 'client_secret_post',
  jwks: null,
  redirectUris: ['https://a.example/1', 'https://a.example/2'],
  scopes: ['a:b', 'c:d'],
  grantTypes: ['authorization_code', 'client_credentials', 'refresh_token'],
  endorsements: ['cs.DL', 'math.*'],
}
const WITH_KEYS = { ...REGISTERED, authMethod: 'private_key_jwt', jwks: jwks('1', '2') } as const

type Case = [string, Partial<Registration>]

describe('ends nothing', () => {
  it.each<Case>([
    ['no change', {}],
    ['more of everything', { scopes: ['a:b', 'c:d', 'e:f'], endorsements: ['*.*'] }],
    ['a scope that covers the one it replaces', { scopes: ['a:b:*', 'c:d'] }],
    ['another way to send the secret', { authMethod: 'client_secret_basic' }],
    ['both ways to send the secret', { authMethod: 'client_secret' }],
    ['another order', { scopes: ['c:d', 'a:b'] }],
  ])('%s', (_, change) => {
    expect(endedBy(REGISTERED, { ...REGISTERED, ...change })).toEqual([])
  })

  it('a key more', () => {
    expect(endedBy(WITH_KEYS, { ...WITH_KEYS, jwks: jwks('2', '3', '1') })).toEqual([])
  })
})

describe('ends sessions', () => {
  it.each<Case>([
    ['a scope less', { scopes: ['a:b'] }],
    ['a scope for one resource alone', { scopes: ['a:b:1', 'c:d'] }],
    ['an endorsement less', { endorsements: ['math.*'] }],
    ['a narrower endorsement', { endorsements: ['cs.DL', 'math.AG'] }],
    ['client_credentials less', { grantTypes: ['authorization_code', 'refresh_token'] }],
    ['no secret any more', { authMethod: 'none' }],
    ['keys instead of a secret', { authMethod: 'private_key_jwt', jwks: jwks('1') }],
  ])('%s', (_, change) => {
    expect(endedBy(REGISTERED, { ...REGISTERED, ...change })).toEqual(['sessions'])
  })

  it.each<Case>([
    ['a key less', { jwks: jwks('1') }],
    ['another key', { jwks: jwks('1', '3') }],
    ['a secret instead of keys', { authMethod: 'client_secret_post' }],
  ])('%s', (_, change) => {
    expect(endedBy(WITH_KEYS, { ...WITH_KEYS, ...change })).toEqual(['sessions'])
  })
})

it('ends sessions and codes when a redirect URI is dropped', () => {
  const after = { ...REGISTERED, redirectUris: ['https://a.example/1'], scopes: ['a:b'] }
  expect(endedBy(REGISTERED, after)).toEqual(['sessions', 'codes'])
})

it.each(['authorization_code', 'refresh_token'] as const)('ends everything without %s', (lost) => {
  const grantTypes = REGISTERED.grantTypes.filter((grantType) => grantType !== lost)
  const after = { ...REGISTERED, grantTypes, redirectUris: [] }
  expect(endedBy(REGISTERED, after)).toEqual(['sessions', 'families', 'codes'])
})
