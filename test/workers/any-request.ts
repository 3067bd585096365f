/** Random requests (fast-check): random bytes, and requests of real clients and browsers with small changes. */

import fc from 'fast-check'
import { ISSUER } from './registry.ts'

export type AnyPairs = readonly (readonly [name: string, value: string])[]
export type AnyRequest = Readonly<{
  method: string
  path: string
  headers: AnyPairs
  body: string | Uint8Array<ArrayBuffer> | null
}>

/**
 * A marker in many values: a response that contains it repeats text of the caller. Its digit keeps it from being a
 * parameter name.
 */
export const MARK = 'zqx0mark'

const OBJECT_WORDS = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'prototype']
const HOSTILE_TEXTS = [
  MARK,
  `"><script>${MARK}</script>`,
  `a\r\nX-${MARK}: 1\r\n\r\n${MARK}`,
  `${MARK}\u0000`,
  '\ud800',
  `${MARK}\udfff\ud800`,
  '%',
  '%zz%',
  '%ff%fe',
  '%00',
  '\u202e\ufeff',
  'ünïcödé 漢字 💥',
  '*',
  '//evil.example',
  '/\\evil.example',
  'https://evil.example/callback',
  'https://client.example@evil.example/callback',
  `blob:${ISSUER}/x`,
  `data:text/html,${MARK}`,
  'javascript:alert(1)',
  'null',
  '[object Object]',
  '1e999',
  "' OR 1=1 --",
]

const utf16 = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 30 })
  .map((units) => String.fromCharCode(...units))
const huge = fc.integer({ min: 1000, max: 20_000 }).map((length) => 'a'.repeat(length))

export const anyText = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...HOSTILE_TEXTS, ...OBJECT_WORDS) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  { weight: 2, arbitrary: utf16 },
  { weight: 1, arbitrary: fc.string({ maxLength: 100 }) },
  { weight: 1, arbitrary: huge },
)

/** Only the ASCII characters that a header field may have (RFC 9110 §5.5). */
const headerSafe = (text: string) => text.replace(/[^\t\x20-\x7e]/g, '~').trim()
const anyHeaderText = anyText.map(headerSafe)

const base64url = (text: string) =>
  btoa(String.fromCharCode(...new TextEncoder().encode(text)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')

const claim = fc.oneof(anyText, fc.constantFrom(ISSUER, `${ISSUER}/token`, 'POST'), fc.jsonValue())
const claims = fc.dictionary(
  fc.constantFrom(
    ...['iss', 'sub', 'aud', 'exp', 'iat', 'jti', 'htm', 'htu', 'ath', '__proto__'],
    ...['client_id', 'scope', 'cnf', 'endorsements', 'as_of_ms'],
  ),
  claim,
)
const jose = fc.record(
  {
    alg: fc.constantFrom<unknown>('ES256', 'none', 'HS256', 'RS256', '', null, 1),
    typ: fc.constantFrom('dpop+jwt', 'at+jwt', 'JWT', '', null),
    kid: claim,
    crit: fc.constantFrom<unknown>([], ['exp'], 'exp'),
    jwk: fc.oneof(
      fc.constantFrom({ kty: 'EC', crv: 'P-256', x: 'AAAA', y: 'AAAA' }, { kty: 'oct', k: 'AA' }),
      fc.dictionary(fc.constantFrom('kty', 'crv', 'x', 'y', 'n', 'e', 'd', 'use'), claim),
      claim,
    ),
  },
  { requiredKeys: [] },
)
/** A JWT with a random signature. */
export const anyJwt = fc
  .tuple(jose, fc.oneof(claims, fc.jsonValue()), fc.base64String({ maxLength: 90 }))
  .map(([header, payload, signature]) =>
    [base64url(JSON.stringify(header)), base64url(JSON.stringify(payload)), signature].join('.'),
  )

const characters = fc.oneof(
  fc.constantFrom('\0', ' ', '%', '+', '=', '&', ':', '*', 'é', '\ud800', 'a', 'A', '_', '-', '/'),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
)

/** The value with one character replaced, added or removed, or a different value. */
export const changed = (value: string): fc.Arbitrary<string> => {
  const at = fc.nat({ max: value.length })
  const cut = fc.tuple(at, characters, fc.constantFrom(0, 1))
  const isJwt = value.startsWith('eyJ')
  return fc.oneof(
    {
      weight: 4,
      arbitrary: cut.map(
        ([from, put, gone]) => value.slice(0, from) + put + value.slice(from + gone),
      ),
    },
    { weight: 1, arbitrary: at.map((from) => value.slice(0, from) + value.slice(from + 1)) },
    { weight: 1, arbitrary: at.map((length) => value.slice(0, length)) },
    { weight: 1, arbitrary: fc.constantFrom(value + value, value.toUpperCase(), ` ${value}`) },
    { weight: 2, arbitrary: anyText },
    { weight: isJwt ? 20 : 0, arbitrary: anyJwt },
  )
}

const PARAMETERS = [
  'grant_type client_id client_secret client_assertion client_assertion_type code redirect_uri',
  'code_verifier refresh_token scope token token_type_hint response_type state code_challenge',
  'code_challenge_method dpop_jkt username password next_page form_token confirm grant resource',
  'category fresh access_token request request_uri response_mode nonce prompt',
].flatMap((line) => line.split(' '))

const anyName = fc.oneof(fc.constantFrom(...PARAMETERS), fc.constantFrom(...OBJECT_WORDS), anyText)

/** The fields, some left out, repeated, changed or renamed, and others added. */
export const changedPairs = (pairs: AnyPairs): fc.Arbitrary<AnyPairs> => {
  const kept = fc.tuple(
    ...pairs.map(([name, value]) =>
      fc.oneof(
        { weight: 24, arbitrary: fc.constant([[name, value]] as AnyPairs) },
        { weight: 4, arbitrary: changed(value).map((other): AnyPairs => [[name, other]]) },
        { weight: 1, arbitrary: fc.constant<AnyPairs>([]) },
        {
          weight: 1,
          arbitrary: changed(value).map(
            (more): AnyPairs => [
              [name, value],
              [name, more],
            ],
          ),
        },
        { weight: 1, arbitrary: anyName.map((other): AnyPairs => [[other, value]]) },
      ),
    ),
  )
  const value = fc.oneof({ weight: 4, arbitrary: anyText }, { weight: 1, arbitrary: anyJwt })
  const added = fc.oneof(
    { weight: 3, arbitrary: fc.constant<AnyPairs>([]) },
    { weight: 2, arbitrary: fc.array(fc.tuple(anyName, value), { minLength: 1, maxLength: 3 }) },
  )
  return fc.tuple(kept, added).map(([some, more]) => [...some.flat(), ...more])
}

const joined = (pairs: AnyPairs) => pairs.map((pair) => pair.join('=')).join('&')
const encoded = (pairs: AnyPairs) =>
  new URLSearchParams(pairs.map(([name, value]) => [name, value])).toString()

/** A query or a form body: encoded, not encoded, or wrongly encoded. */
const written = (pairs: AnyPairs): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 10, arbitrary: fc.constant(encoded(pairs)) },
    { weight: 1, arbitrary: fc.constant(joined(pairs)) },
    { weight: 1, arbitrary: changed(encoded(pairs)) },
  )

const FORM = 'application/x-www-form-urlencoded'
const contentType = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.constantFrom(FORM, FORM, `${FORM}; charset=utf-8`, FORM.toUpperCase()),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'application/json',
      'multipart/form-data; boundary=x',
      'text/plain',
      '',
    ),
  },
  { weight: 1, arbitrary: anyHeaderText },
)

const HEADER_NAMES = [
  ...['Authorization', 'Cookie', 'DPoP', 'Sec-Fetch-Site', 'Origin', 'Referer', 'Accept'],
  ...['X-Forwarded-For', 'X-Forwarded-Host', 'X-Original-URL', 'X-Original-Method', 'User-Agent'],
  ...['Access-Control-Request-Method', 'X-Http-Method-Override', 'Range', 'If-None-Match'],
]
const basic = fc
  .oneof(
    anyText,
    fc.tuple(anyText, anyText).map(([id, secret]) => `${id}:${secret}`),
  )
  .map((text) => `Basic ${base64url(text.toWellFormed())}`)
const headerValue = fc.oneof(
  { weight: 3, arbitrary: anyHeaderText },
  { weight: 2, arbitrary: basic },
  { weight: 2, arbitrary: anyJwt },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'same-origin',
      'cross-site',
      'none',
      'Bearer',
      'Basic',
      'DPoP a',
      ISSUER,
    ),
  },
)
const addedHeaders = fc.oneof(
  { weight: 3, arbitrary: fc.constant<AnyPairs>([]) },
  {
    weight: 1,
    arbitrary: fc.array(
      fc.tuple(
        fc.oneof(
          { weight: 6, arbitrary: fc.constantFrom(...HEADER_NAMES) },
          { weight: 1, arbitrary: fc.stringMatching(/^x-[a-z0-9!#$%&'*+.^_`|~-]{1,20}$/) },
        ),
        headerValue,
      ),
      { minLength: 1, maxLength: 3 },
    ),
  },
)
const changedHeaders = (headers: AnyPairs): fc.Arbitrary<AnyPairs> => {
  const kept = fc.tuple(
    ...headers.map(([name, value]) =>
      fc.oneof(
        { weight: 8, arbitrary: fc.constant([[name, value]] as AnyPairs) },
        {
          weight: 2,
          arbitrary: changed(value).map((other): AnyPairs => [[name, headerSafe(other)]]),
        },
      ),
    ),
  )
  return fc.tuple(kept, addedHeaders).map(([some, more]) => [...some.flat(), ...more])
}

/** A nearly valid request to an endpoint. Each random request is made from one of them. */
export type NearlyValid = Readonly<{ pairs: AnyPairs; headers?: AnyPairs }>

const METHODS = ['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD', 'QUERY']
const oddly = (method: string) =>
  fc.oneof(
    { weight: 30, arbitrary: fc.constant(method) },
    { weight: 1, arbitrary: fc.constantFrom(...METHODS, 'GET', 'POST') },
  )
const canHaveBody = (method: string) => method !== 'GET' && method !== 'HEAD'

/** A form posted to this path. */
export const anyPost = (path: string, bases: readonly NearlyValid[]): fc.Arbitrary<AnyRequest> =>
  fc.constantFrom(...bases).chain(({ pairs, headers = [] }) => {
    const form = changedPairs(pairs).chain(written)
    const body = fc.oneof(
      { weight: 12, arbitrary: form },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
      { weight: 1, arbitrary: anyText },
    )
    const query = fc.oneof(
      { weight: 12, arbitrary: fc.constant('') },
      { weight: 1, arbitrary: form },
    )
    return fc
      .tuple(oddly('POST'), contentType, changedHeaders(headers), body, query)
      .map(([method, type, others, sent, asked]) => ({
        method,
        path: asked === '' ? path : `${path}?${asked}`,
        headers: [['Content-Type', type] as const, ...others],
        body: canHaveBody(method) ? (sent as AnyRequest['body']) : null,
      }))
  })

/** A GET with a random query. */
export const anyGet = (path: string, bases: readonly NearlyValid[]): fc.Arbitrary<AnyRequest> =>
  fc.constantFrom(...bases).chain(({ pairs, headers = [] }) => {
    const query = fc.oneof(
      { weight: 12, arbitrary: changedPairs(pairs).chain(written) },
      { weight: 1, arbitrary: anyText },
    )
    return fc
      .tuple(oddly('GET'), query, changedHeaders(headers))
      .map(([method, asked, others]) => ({
        method,
        path: `${path}?${asked}`,
        headers: others,
        body: null,
      }))
  })

/** The request for `fetch`. A repeated header is joined by a comma, as in HTTP. */
export function initOf({ method, headers, body }: AnyRequest): RequestInit {
  const sent = new Headers()
  for (const [name, value] of headers) sent.append(name, value)
  return { method, headers: sent, ...(body !== null && { body }) }
}

const inQuery = ({ path }: AnyRequest) => [...new URL(path, ISSUER).searchParams]
function inBody({ body }: AnyRequest): [string, string][] {
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body
  return bytes === null ? [] : [...new URLSearchParams(new TextDecoder().decode(bytes))]
}

/** Every parameter in the query or the body. */
export const parametersOf = (request: AnyRequest) => [...inQuery(request), ...inBody(request)]
/** The parameters that the registry reads: those of the body for a POST, otherwise those of the query. */
export const parametersReadOf = (request: AnyRequest) =>
  request.method === 'POST' ? inBody(request) : inQuery(request)

export const headerOf = (request: AnyRequest, name: string) =>
  new Headers(initOf(request).headers).get(name) ?? ''
