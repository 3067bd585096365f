/**
 * The floor with the cryptography that cannot be left out: secrets are digested before they are compared or stored,
 * tokens are random, the authenticator's JWT is signed. What the registry costs above this is its own code.
 */

import { FIND_CLIENT, findParameters } from '../../src/stores/clients.ts'
import { SPEND_CODE, TOUCH_CONSENT } from '../../src/stores/codes.ts'
import { JWT_SECRET } from '../subject.ts'
import { codeIn, issued, keep, passed, refused, serveFloor, tokenIn } from './bare-handler.ts'
import { TERMS } from './fixture.ts'

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

/** A token, a nonce and an id are random; the token's digest is its key. */
async function newKey(): Promise<string> {
  randomText()
  crypto.randomUUID()
  return digest(randomText())
}

export const cryptoFloor = () =>
  serveFloor(digest, {
    async token_cold(request, prepared, session) {
      await request.arrayBuffer()
      const near = prepared.DB.withSession('first-unconstrained')
      await near
        .prepare(FIND_CLIENT)
        .bind(...findParameters(prepared.credentials.id))
        .first()
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
    async exchange(request, prepared, session, context) {
      const { DB, CODES, credentials } = prepared
      const code = await digest(codeIn(await request.text()))
      const [carried] = await Promise.all([
        CODES.get(code),
        DB.prepare(FIND_CLIENT)
          .bind(...findParameters(credentials.id))
          .first(),
      ])
      if (carried === null) return refused()
      await digest(SECRET)
      await digest(VERIFIER)
      const key = await newKey()
      const now = Math.floor(Date.now() / 1000)
      const [spent] = await DB.batch([
        DB.prepare(SPEND_CODE).bind(code, now, key, null, TERMS),
        DB.prepare(TOUCH_CONSENT).bind(code, key, now),
      ])
      if (spent?.results.length !== 1) return refused()
      await keep(prepared, session, key)
      context.waitUntil(CODES.delete(code))
      return issued()
    },
    async check(request, { SESSIONS }) {
      const session = await SESSIONS.get(await digest(tokenIn(request)))
      return session === null ? refused() : passed(await sign(session))
    },
  })

export default cryptoFloor()
