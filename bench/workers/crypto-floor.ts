/**
 * The floor with the necessary cryptography: secrets are digested before they are compared or stored, tokens are random, and
 * the authenticator's JWT is signed. The difference to the registry is the cost of its own code.
 */

import { JWT_SECRET, SIGNING_KEY } from '../subject.ts'
import {
  codeIn,
  findClientNear,
  issued,
  issuedSigned,
  keep,
  passed,
  redeem,
  refused,
  serveFloor,
  tokenIn,
} from './bare-handler.ts'
import type { Prepared } from './bindings.ts'
import { claimsToCheck, exampleClient, exampleUser } from './fixture.ts'

const encoder = new TextEncoder()
const BASE64URL = { alphabet: 'base64url', omitPadding: true } as const

const digest = async (text: string) =>
  new Uint8Array(await crypto.subtle.digest('SHA-256', encoder.encode(text))).toBase64(BASE64URL)
const randomText = () => crypto.getRandomValues(new Uint8Array(32)).toBase64(BASE64URL)

const SECRET = 'x'.repeat(54)
const VERIFIER = 'x'.repeat(43)
const HMAC = { name: 'HMAC', hash: 'SHA-256' }
let signingKey: CryptoKey | undefined

async function sign(claims: string): Promise<string> {
  signingKey ??= await crypto.subtle.importKey('raw', encoder.encode(JWT_SECRET), HMAC, false, [
    'sign',
  ])
  const signed = encoder.encode(
    `eyJhbGciOiJIUzI1NiJ9.${encoder.encode(claims).toBase64(BASE64URL)}`,
  )
  const signature = await crypto.subtle.sign('HMAC', signingKey, signed)
  return `${new TextDecoder().decode(signed)}.${new Uint8Array(signature).toBase64(BASE64URL)}`
}

const ECDSA = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const encoded = (value: unknown) => encoder.encode(JSON.stringify(value)).toBase64(BASE64URL)
const ES256_HEADER = encoded({ alg: 'ES256', typ: 'at+jwt', kid: 'k'.repeat(43) })

const importing = async (usage: 'sign' | 'verify') => {
  const { d, ...publicPart } = SIGNING_KEY
  const key = usage === 'sign' ? { ...publicPart, d } : publicPart
  return crypto.subtle.importKey('jwk', key, ECDSA, false, [usage])
}
let ownKey: CryptoKey | undefined
let publicKey: CryptoKey | undefined
let claims: object | undefined

/** A token with the claims of the registry and a new id. */
async function signedToken({ credentials, userId }: Prepared): Promise<string> {
  ownKey ??= await importing('sign')
  claims ??= claimsToCheck(exampleClient(credentials.id), exampleUser(userId))
  const signed = `${ES256_HEADER}.${encoded({ ...claims, jti: crypto.randomUUID() })}`
  const signature = await crypto.subtle.sign(ECDSA, ownKey, encoder.encode(signed))
  return `${signed}.${new Uint8Array(signature).toBase64(BASE64URL)}`
}

/** The claims; null if the signature is wrong. */
async function verifiedClaims(token: string): Promise<string | null> {
  publicKey ??= await importing('verify')
  const [head = '', body = '', signature = ''] = token.split('.')
  const holds = await crypto.subtle.verify(
    ECDSA,
    publicKey,
    Uint8Array.fromBase64(signature, BASE64URL),
    encoder.encode(`${head}.${body}`),
  )
  return holds ? new TextDecoder().decode(Uint8Array.fromBase64(body, BASE64URL)) : null
}

/** Makes a random token, nonce and id, and returns the digest of the token. */
async function newKey(): Promise<string> {
  randomText()
  crypto.randomUUID()
  return digest(randomText())
}

/** Redeems the code of the request for the session under this key. */
async function redeemDigested(
  request: Request,
  prepared: Prepared,
  sessionKey: string,
  context: ExecutionContext,
) {
  const codeKey = await digest(codeIn(await request.text()))
  return redeem(prepared, { codeKey, sessionKey }, context, async () => {
    await digest(SECRET)
    await digest(VERIFIER)
  })
}

export const cryptoFloor = () =>
  serveFloor(digest, {
    async token_cold(request, prepared, session) {
      await request.arrayBuffer()
      await findClientNear(prepared)
      await digest(SECRET)
      await keep(prepared, session, await newKey())
      return issued()
    },
    async token_warm(request, prepared, session) {
      await request.arrayBuffer()
      await digest(SECRET)
      await keep(prepared, session, await newKey())
      return issued()
    },
    async signed_token(request, prepared) {
      await request.arrayBuffer()
      await digest(SECRET)
      return issuedSigned(await signedToken(prepared))
    },
    async exchange(request, prepared, session, context) {
      const key = await newKey()
      if (!(await redeemDigested(request, prepared, key, context))) return refused()
      await keep(prepared, session, key)
      return issued()
    },
    async signed_exchange(request, prepared, _session, context) {
      return (await redeemDigested(request, prepared, await newKey(), context))
        ? issuedSigned(await signedToken(prepared))
        : refused()
    },
    async check(request, { SESSIONS }) {
      const session = await SESSIONS.get(await digest(tokenIn(request)))
      return session === null ? refused() : passed(await sign(session))
    },
    async signed_check(request) {
      const verified = await verifiedClaims(tokenIn(request))
      return verified === null ? refused() : passed(await sign(verified))
    },
  })

export default cryptoFloor()
