/** Signed tokens (RFC 9068), and invalid tokens that look like one. */

import { encode } from 'jose/base64url'
import keys from '../keys.json' with { type: 'json' }
import {
  bare,
  type KeyName,
  keyNamed,
  publicPart,
  signed,
  signedWithSecret,
  withSignature,
} from './keys.ts'
import {
  allowed,
  claimsOf,
  type Described,
  FILES,
  headerOf,
  ISSUER,
  MAIL,
  NOW,
  nothingWritten,
  READ,
  refused,
} from './tokens.ts'
import type { Answer } from './vector.ts'

type Change = Readonly<{
  by?: KeyName
  header?: Record<string, unknown>
  claims?: Record<string, unknown>
}>

/** A valid token with these changes. A member that is `undefined` is omitted. */
const tokenWith = ({ by = 'registry', header, claims }: Change) =>
  signed(by, { ...headerOf(by), ...header }, { ...claimsOf({}), ...claims })

const CERTIFICATE = 'bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2'
const ID_TOKEN = {
  ...{ iss: ISSUER, sub: 'user-1', aud: 'client-1', nonce: 'n-0S6_WzA2Mj' },
  ...{ iat: NOW - 60, exp: NOW + 540 },
}

export async function signedTokens() {
  const written = nothingWritten()

  const presented = (title: string, token: string, answer: Answer = refused('invalid_token')) => {
    written.vectors.push({
      ...{ title, form: 'signed' },
      request: {
        method: 'GET',
        url: `${FILES}/reports/7`,
        headers: { Authorization: `Bearer ${token}` },
      },
      required: READ,
      answer,
    })
  }
  const good = async (title: string, change: Change, described: Described = {}) =>
    presented(title, await tokenWith(change), allowed(described))
  const bad = async (title: string, change: Change) => presented(title, await tokenWith(change))

  await good('a token signed with ES256', {})
  await good('a token signed with EdDSA', { by: 'registryEd25519' })
  await good('a token whose aud is text', { claims: { aud: FILES } })
  await good(
    'a token for two resources',
    { claims: { aud: [MAIL, FILES] } },
    {
      audience: [MAIL, FILES],
    },
  )
  await good('a token of the type application/at+jwt', { header: { typ: 'application/at+jwt' } })
  await good('a token whose nbf has come', { claims: { nbf: NOW } })
  await good('a token with claims that are not known', { claims: { acr: '1', roles: ['admin'] } })

  await bad('a token of the type JWT', { header: { typ: 'JWT' } })
  await bad('a token without a type', { header: { typ: undefined } })
  await bad('a token of the type of a DPoP proof', { header: { typ: 'dpop+jwt' } })
  presented(
    'an ID token',
    await signed('registry', { ...headerOf('registry'), typ: 'JWT' }, ID_TOKEN),
  )
  presented(
    'an ID token of the type at+jwt',
    await signed('registry', headerOf('registry'), ID_TOKEN),
  )

  await bad('a token signed by a stranger with the kid of the registry', {
    by: 'stranger',
    header: { kid: keyNamed('registry').kid },
  })
  await bad('a token signed by a stranger with a kid of its own', { by: 'stranger' })
  await bad("a token with the stranger's key in its header", {
    by: 'stranger',
    header: { jwk: bare('stranger') },
  })
  await bad("a token with the stranger's key and the kid of the registry in its header", {
    by: 'stranger',
    header: { jwk: bare('stranger'), kid: keyNamed('registry').kid },
  })
  await bad("a token with the URL of the stranger's keys in its header", {
    by: 'stranger',
    header: { jku: 'https://evil.example/jwks.json' },
  })
  await bad('a token signed by a stranger with RS256', { by: 'strangerRsa' })
  await bad('a token signed by a key for encryption', { by: 'encryption' })
  await bad('a token without a kid', { header: { kid: undefined } })
  await bad('a token with the kid of the other key', {
    header: { kid: keyNamed('registryEd25519').kid },
  })
  await bad('a token whose kid is a number', { header: { kid: 1 } })
  await bad('a token with an unknown critical extension', {
    header: { crit: ['urn:example:extension'], 'urn:example:extension': true },
  })

  const claims = claimsOf({})
  for (const alg of ['none', 'None']) {
    const header = { ...headerOf('registry'), alg }
    presented(
      `a token with alg ${alg} and no signature`,
      `${encode(JSON.stringify(header))}.${encode(JSON.stringify(claims))}.`,
    )
  }
  for (const [what, secret] of [
    ['the public key as JSON', JSON.stringify(publicPart('registry'))],
    ['the member x of the public key', keys.registry.x],
  ] as const) {
    const header = { ...headerOf('registry'), alg: 'HS256' }
    presented(
      `a token with alg HS256 under ${what}`,
      await signedWithSecret(secret, header, claims),
    )
  }

  await bad('a token of another issuer', { claims: { iss: 'https://evil.example' } })
  await bad('a token whose issuer has a slash more', { claims: { iss: `${ISSUER}/` } })
  await bad('a token that has expired', { claims: { exp: NOW - 1 } })
  await bad('a token that expires now', { claims: { exp: NOW } })
  await bad('a token whose exp is text', { claims: { exp: String(NOW + 540) } })
  await bad('a token whose nbf has not come', { claims: { nbf: NOW + 60 } })
  await bad('a token that was issued in the future', {
    claims: { iat: NOW + 300, exp: NOW + 900 },
  })
  await bad('a token for another resource', { claims: { aud: MAIL } })
  await bad('a token for an empty list of resources', { claims: { aud: [] } })
  for (const name of ['iss', 'sub', 'aud', 'client_id', 'exp', 'iat', 'jti', 'scope']) {
    await bad(`a token without ${name}`, { claims: { [name]: undefined } })
  }
  await bad('a token whose sub is a number', { claims: { sub: 1 } })
  await bad('a token whose scope is a list', { claims: { scope: ['files:read'] } })
  await bad('a token whose binding names no thumbprint', { claims: { cnf: {} } })
  await bad('a token that is bound to a key and to a certificate', {
    claims: { cnf: { jkt: keyNamed('holder').kid, 'x5t#S256': CERTIFICATE } },
  })
  await bad('a token whose binding is null', { claims: { cnf: null } })
  await bad('a token that is bound to a certificate', {
    claims: { cnf: { 'x5t#S256': CERTIFICATE } },
  })

  const token = await tokenWith({})
  const [head = '', , signature = ''] = token.split('.')
  const wider = encode(JSON.stringify({ ...claims, scope: 'files:read files:write' }))
  presented('a token whose claims were changed', `${head}.${wider}.${signature}`)
  presented('a token whose signature was cut', token.slice(0, -4))
  presented('a token with an empty signature', withSignature(token, ''))
  presented('a token with a signature of zeros', withSignature(token, encode(new Uint8Array(64))))
  presented('a token with a fourth part', `${token}.${signature}`)
  presented('a token without its signature', token.slice(0, token.lastIndexOf('.')))
  presented('a token whose payload is no JSON', await signed('registry', headerOf('registry'), 'x'))
  presented('a token whose payload is a list', await signed('registry', headerOf('registry'), [1]))
  await bad('a token of 10,000 characters', { claims: { padding: 'p'.repeat(7_000) } })
  return written
}
