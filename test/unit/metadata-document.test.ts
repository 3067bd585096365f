/** Client metadata documents: which members are used, and what makes a document invalid. */

import { describe, expect, it } from 'vitest'
import { RegistrationError } from '../../src/protocol/registration/errors.ts'
import {
  cleanText,
  MAX_DOCUMENT_BYTES,
  readMetadataDocument,
} from '../../src/protocol/registration/metadata-document.ts'

const URL = 'https://app.example/client.json'
const GOOD = {
  client_id: URL,
  client_name: 'Example host',
  redirect_uris: ['https://app.example/callback'],
}
const bytesOf = (value: unknown) =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))
const read = (more: Record<string, unknown> = {}) =>
  readMetadataDocument(bytesOf({ ...GOOD, ...more }), URL)

/** The invalid member and the error. */
function problemOf(given: unknown) {
  try {
    readMetadataDocument(bytesOf(given), URL)
  } catch (problem) {
    if (problem instanceof RegistrationError) return [problem.field, problem.message]
    throw problem
  }
  return null
}
const problemWith = (more: Record<string, unknown>) => problemOf({ ...GOOD, ...more })

describe('a valid client metadata document', () => {
  it('a document with the three required members is a public client of the code grant', () => {
    expect(read()).toEqual({
      name: 'Example host',
      redirectUris: ['https://app.example/callback'],
      authMethod: 'none',
      jwks: null,
      grantTypes: ['authorization_code'],
      scopes: null,
      requireDpop: false,
      url: '',
      details: {
        jwksUri: '',
        logoUri: '',
        tosUri: '',
        policyUri: '',
        softwareId: '',
        softwareVersion: '',
        contacts: [],
        applicationType: 'web',
      },
    })
  })

  it('every supported member of a document is read', () => {
    const jwks = { keys: [{ kty: 'OKP' }] }
    const document = read({
      redirect_uris: ['cursor://callback', 'https://app.example/callback', 'cursor://callback'],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks,
      grant_types: ['refresh_token', 'authorization_code', 'implicit'],
      scope: ' public:read  offline_access',
      dpop_bound_access_tokens: true,
      client_uri: 'https://app.example/',
      logo_uri: 'https://app.example/logo.png',
      tos_uri: 'https://app.example/terms',
      policy_uri: 'https://app.example/privacy',
      software_id: 'the-app',
      software_version: '1.2',
      contacts: ['dev@app.example', '\u202e'],
      application_type: 'native',
    })
    expect(document).toEqual({
      name: 'Example host',
      redirectUris: ['cursor://callback', 'https://app.example/callback'],
      authMethod: 'private_key_jwt',
      jwks: JSON.stringify(jwks),
      grantTypes: ['authorization_code', 'refresh_token'],
      scopes: ['public:read', 'offline_access'],
      requireDpop: true,
      url: 'https://app.example/',
      details: {
        jwksUri: '',
        logoUri: 'https://app.example/logo.png',
        tosUri: 'https://app.example/terms',
        policyUri: 'https://app.example/privacy',
        softwareId: 'the-app',
        softwareVersion: '1.2',
        contacts: ['dev@app.example'],
        applicationType: 'native',
      },
    })
  })

  it('unknown members and null members of a document are ignored', () => {
    const more = { $schema: 'x', subject_type: 7, jwks: null, logo_uri: null, scope: null }
    expect(
      read({ ...more, application_type: 'other', ['__proto__']: { client_name: 'x' } }),
    ).toEqual(read())
  })

  it.each([
    [{ token_endpoint_auth_method: 'none' }, 'none'],
    [{ token_endpoint_auth_methods_supported: ['none'] }, 'none'],
    [{ token_endpoint_auth_methods_supported: [] }, 'none'],
    [
      {
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'],
      },
      'none',
    ],
    [
      {
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'],
        jwks_uri: 'https://app.example/jwks.json',
      },
      'private_key_jwt',
    ],
    [{ jwks_uri: 'https://app.example/jwks.json' }, 'private_key_jwt'],
    [{ jwks: { keys: [] }, token_endpoint_auth_method: 'none' }, 'private_key_jwt'],
  ])('a document with %j authenticates by %s', (more, method) => {
    expect(read(more).authMethod).toBe(method)
  })

  it('URLs in a document that are not web pages are ignored', () => {
    for (const bad of [
      'javascript:alert(1)',
      'http://app.example/',
      'https://',
      'https://a b',
      '',
    ]) {
      expect(read({ client_uri: bad, logo_uri: bad, tos_uri: bad })).toEqual(read())
    }
    expect(read({ client_uri: `https://app.example/${'x'.repeat(2000)}` })).toEqual(read())
  })

  it('only a document at a loopback address may name http pages at a loopback address', () => {
    const [local, page] = ['http://127.0.0.1:5000/client.json', 'http://localhost:5000/terms']
    const more = { tos_uri: page, policy_uri: 'http://app.example/policy' }
    const read = (id: string) =>
      readMetadataDocument(bytesOf({ ...GOOD, ...more, client_id: id }), id)
    expect(read(local).details).toMatchObject({ tosUri: page, policyUri: '' })
    expect(read(URL).details).toMatchObject({ tosUri: '', policyUri: '' })
  })
})

describe('an invalid client metadata document', () => {
  it.each([
    ['', [null, 'the document must be JSON']],
    ['{', [null, 'the document must be JSON']],
    ['[]', [null, 'the document must be a JSON object']],
    ['null', [null, 'the document must be a JSON object']],
    ['"text"', [null, 'the document must be a JSON object']],
    [`{"a":${'['.repeat(2000)}${']'.repeat(2000)}}`, [null, expect.stringContaining('nested')]],
    ['{"client_id":"a","client_id":"b"}', [null, 'client_id must not be given twice']],
  ])('the text %j is not a client metadata document', (text, problem) => {
    expect(problemOf(text)).toEqual(problem)
  })

  it('bytes that are not UTF-8 are not a client metadata document', () => {
    const bytes = Uint8Array.of(0x7b, 0xff, 0x7d)
    expect(() => readMetadataDocument(bytes, URL)).toThrow('the document must be UTF-8')
  })

  it.each([
    undefined,
    null,
    7,
    '',
    'https://app.example/other.json',
    'https://app.example/client.json/',
    'https://APP.example/client.json',
    'https://app.example:443/client.json',
    'https://app.example/client.json ',
  ])('a document is invalid if its client_id is %j instead of its own URL', (client_id) => {
    const sentence = 'client_id must be the address of the document'
    expect(problemWith({ client_id })).toEqual(['client_id', sentence])
  })

  it.each<[Record<string, unknown>, string]>([
    [{ client_name: undefined }, 'client_name is missing'],
    [{ client_name: ' \u200b\u202e ' }, 'client_name is missing'],
    [{ client_name: 7 }, 'client_name must be a text'],
    [{ client_name: 'x'.repeat(101) }, 'client_name must not have more than 100 characters'],
    [{ redirect_uris: undefined }, 'redirect_uris is missing'],
    [{ redirect_uris: [] }, 'redirect_uris is missing'],
    [{ redirect_uris: 'https://app.example/' }, 'redirect_uris must be a list of texts'],
    [{ redirect_uris: [7] }, 'redirect_uris must be a list of texts'],
    [
      { redirect_uris: Array.from({ length: 31 }, (_, n) => `https://app.example/${n}`) },
      'redirect_uris must not have more than 30 values',
    ],
    [{ client_secret: 'x' }, 'client_secret must not be in a document'],
    [{ client_secret: null }, 'client_secret must not be in a document'],
    [{ client_secret_expires_at: 0 }, 'client_secret_expires_at must not be in a document'],
    ...['client_secret_basic', 'client_secret_post', 'client_secret_jwt'].flatMap(
      (method): [Record<string, unknown>, string][] => [
        [
          { token_endpoint_auth_method: method },
          'token_endpoint_auth_method must not be a method with a shared secret',
        ],
        [
          { token_endpoint_auth_methods_supported: ['none', method] },
          'token_endpoint_auth_method must not be a method with a shared secret',
        ],
      ],
    ),
    [
      { token_endpoint_auth_method: 'tls_client_auth' },
      'token_endpoint_auth_method must be none or private_key_jwt',
    ],
    [{ token_endpoint_auth_method: 7 }, 'token_endpoint_auth_method must be a text'],
    [{ token_endpoint_auth_method: 'private_key_jwt' }, 'private_key_jwt needs jwks or jwks_uri'],
    [{ jwks: [] }, 'jwks must be a JWK Set: an object with an array of keys'],
    [{ jwks: 'x' }, 'jwks must be a JWK Set: an object with an array of keys'],
    [
      { jwks: { keys: [] }, jwks_uri: 'https://app.example/jwks.json' },
      'jwks_uri must not be given together with jwks',
    ],
    [{ scope: 'a"b' }, 'scope must be a list of scopes'],
    [{ scope: ['a'] }, 'scope must be a text'],
    [
      { scope: Array.from({ length: 51 }, (_, n) => `s${n}`).join(' ') },
      'scope must not have more than 50 values',
    ],
    [{ grant_types: 'authorization_code' }, 'grant_types must be a list of texts'],
    [{ logo_uri: {} }, 'logo_uri must be a text'],
    [{ contacts: 'me' }, 'contacts must be a list of texts'],
    [{ application_type: 1 }, 'application_type must be a text'],
  ])('a document with %j is invalid: %s', (more, sentence) => {
    expect(problemWith(more)?.[1]).toBe(sentence)
  })

  it('control: the document is valid without the changes above', () => {
    expect(problemOf(GOOD)).toBeNull()
    expect(bytesOf(GOOD).byteLength).toBeLessThan(MAX_DOCUMENT_BYTES)
  })
})

describe('text of an unknown author', () => {
  it.each([
    ['  Two\n words\t', 'Two words'],
    ['a\u202eb\u2066c\u200bd\u00ade', 'abcde'],
    ['Cafe\u0301', 'Caf\u00e9'],
    [`a${'\u0300\u0301\u0302\u0303'.repeat(20)}`, 'à\u0301\u0302\u0303'],
    ['\ud800x', 'x'],
    ['\u3164', ''],
    ['Ваше имя', 'Ваше имя'],
    ['名前', '名前'],
  ])('the text %j of a document is shown as %j', (text, clean) => {
    expect(cleanText(text)).toBe(clean)
  })
})
