/** Tokens that are bound to a key, and their proofs (RFC 9449). */

import { encode } from 'jose/base64url'
import keys from '../keys.json' with { type: 'json' }
import { bare, type KeyName, keyNamed, signed, signedWithSecret } from './keys.ts'
import {
  allowed,
  FILES,
  inBothForms,
  NOW,
  nothingWritten,
  opaqueTokenOf,
  READ,
  refused,
  sha256,
} from './tokens.ts'

const URL = `${FILES}/reports/7`
const BOUND = { boundTo: 'holder' } as const

type Change = Readonly<{
  by?: KeyName
  header?: Record<string, unknown>
  claims?: Record<string, unknown>
}>

const proofClaims = (token: string, title: string, claims: Record<string, unknown> = {}) => ({
  ...{ htm: 'GET', htu: URL, iat: NOW, jti: sha256(title).slice(0, 22), ath: sha256(token) },
  ...claims,
})

const proofHeader = (by: KeyName, header: Record<string, unknown> = {}) => ({
  ...{ alg: keyNamed(by).alg, typ: 'dpop+jwt', jwk: bare(by) },
  ...header,
})

/** A valid proof with these changes. A member that is `undefined` is omitted. */
const proofOf = (token: string, title: string, { by = 'holder', header, claims }: Change = {}) =>
  signed(by, proofHeader(by, header), proofClaims(token, title, claims))

export async function proofs() {
  const written = nothingWritten()
  const presenting = (token: string, DPoP: string) => ({ Authorization: `DPoP ${token}`, DPoP })
  const bad = refused('invalid_dpop_proof', READ, 'DPoP')

  const proven = (title: string, change: Change, isGood = false, more: object = {}) =>
    inBothForms(written, {
      ...{ title, token: BOUND, answer: isGood ? allowed(BOUND) : bad },
      headers: async (token, form) =>
        presenting(token, await proofOf(token, `${title} ${form}`, change)),
      ...more,
    })

  await proven('a bound token with a good proof, which is good once', {}, true, { repeated: bad })
  for (const boundTo of ['holderEd25519', 'holderRsa'] as const) {
    await inBothForms(written, {
      ...{ title: `a token that is bound to the key ${boundTo}`, token: { boundTo } },
      answer: allowed({ boundTo }),
      headers: async (token, form) =>
        presenting(token, await proofOf(token, `${boundTo} ${form}`, { by: boundTo })),
    })
  }
  await proven('a proof for another method', { claims: { htm: 'POST' } })
  await proven('a proof for the method in lower case', { claims: { htm: 'get' } })
  await proven('a proof for the method of the request', { claims: { htm: 'DELETE' } }, true, {
    method: 'DELETE',
  })
  await proven('a proof for another path', { claims: { htu: `${FILES}/reports/8` } })
  await proven('a proof for another host', { claims: { htu: 'https://evil.example/reports/7' } })
  await proven('a proof for another scheme', { claims: { htu: 'http://files.example/reports/7' } })
  await proven('a proof for a URI that is none', { claims: { htu: '/reports/7' } })
  await proven('a request with a query, which the proof leaves out', {}, true, {
    url: `${URL}?page=2`,
  })
  await proven(
    'a proof whose URI is spelled in another way',
    { claims: { htu: 'HTTPS://Files.Example:443/r%65ports/7' } },
    true,
  )
  await proven(
    'a proof whose URI has its escapes in lower case',
    { claims: { htu: `${FILES}/r%c3%a9ports` } },
    true,
    { url: `${FILES}/r%C3%A9ports` },
  )
  await proven('a proof of a minute ago', { claims: { iat: NOW - 60 } }, true)
  await proven('a proof of more than a minute ago', { claims: { iat: NOW - 61 } })
  await proven('a proof of more than a minute from now', { claims: { iat: NOW + 61 } })
  await proven('a proof whose iat is text', { claims: { iat: String(NOW) } })
  await proven('a proof without iat', { claims: { iat: undefined } })
  await proven('a proof without jti', { claims: { jti: undefined } })
  await proven('a proof with an empty jti', { claims: { jti: '' } })
  await proven('a proof with a jti of 300 characters', { claims: { jti: 'j'.repeat(300) } })
  await proven('a proof without htm', { claims: { htm: undefined } })
  await proven('a proof without htu', { claims: { htu: undefined } })
  await proven('a proof without ath', { claims: { ath: undefined } })
  await proven('a proof for another token', { claims: { ath: sha256(opaqueTokenOf('another')) } })
  await proven('a proof by the key of another', { by: 'thief' })
  await proven('a proof of another type', { header: { typ: 'JWT' } })
  await proven('a proof without a type', { header: { typ: undefined } })
  await proven('a proof without a key', { header: { jwk: undefined } })
  await proven('a proof with the key of the holder, signed by another', {
    by: 'thief',
    header: { jwk: bare('holder') },
  })
  await proven('a proof with a private key in its header', {
    header: { jwk: { ...bare('holder'), d: keys.holder.d } },
  })
  await proven('a proof with an unknown critical extension', {
    header: { crit: ['urn:example:extension'], 'urn:example:extension': true },
  })

  const presented = (
    title: string,
    headers: (
      token: string,
      proof: string,
    ) => Record<string, string> | Promise<Record<string, string>>,
    answer = bad,
    token: { boundTo?: KeyName } = BOUND,
  ) =>
    inBothForms(written, {
      ...{ title, token, answer },
      headers: async (made, form) => headers(made, await proofOf(made, `${title} ${form}`)),
    })
  await presented('a bound token without a proof', (token) => ({ Authorization: `DPoP ${token}` }))
  await presented('a proof that is no JWT', (token) => presenting(token, 'junk'))
  await presented('two proofs, which arrive as one value', (token, proof) =>
    presenting(token, `${proof}, ${proof}`),
  )
  await presented('a proof with alg none', (token, proof) => {
    const header = encode(JSON.stringify({ ...proofHeader('holder'), alg: 'none' }))
    return presenting(token, `${header}.${proof.split('.')[1]}.`)
  })
  await presented('a proof under a shared secret', async (token) => {
    const jwk = { kty: 'oct', k: encode('a secret of 32 bytes, sent along') }
    const header = { alg: 'HS256', typ: 'dpop+jwt', jwk }
    const claims = proofClaims(token, 'a proof under a shared secret')
    return presenting(
      token,
      await signedWithSecret('a secret of 32 bytes, sent along', header, claims),
    )
  })
  const inOtherScheme = refused('invalid_token', READ, 'DPoP')
  await presented(
    'a bound token as a bearer',
    (token) => ({ Authorization: `Bearer ${token}` }),
    inOtherScheme,
  )
  await presented(
    'a bound token as a bearer beside a good proof',
    (token, DPoP) => ({ Authorization: `Bearer ${token}`, DPoP }),
    inOtherScheme,
  )
  await presented('an unbound token with a good proof', presenting, inOtherScheme, {})
  await inBothForms(written, {
    title: 'a bound token without the scope',
    token: BOUND,
    required: { scopes: ['files:read', 'files:write'], audience: FILES },
    answer: refused(
      'insufficient_scope',
      { scopes: ['files:read', 'files:write'], audience: FILES },
      'DPoP',
    ),
    headers: async (token, form) =>
      presenting(token, await proofOf(token, `without the scope ${form}`)),
  })
  return written
}
