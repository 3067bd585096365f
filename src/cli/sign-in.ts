/** A person's sign-in at a registry: its file, its tokens, and how they are renewed. */

import {
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
  SignJWT,
} from 'jose'
import * as z from 'zod/mini'
import { digest } from '../crypto/digest.ts'
import { randomId } from '../crypto/random.ts'
import { jsonIn, readIfPresent } from '../local/files.ts'
import { Refusal } from '../local/refusal.ts'
import { withFileLocked } from '../local/state-lock.ts'
import {
  type BoughtToken,
  buyToken,
  isUsable,
  type Server,
  TokenRefusal,
  type Tokens,
  tokensFrom,
  writeKept,
} from './tokens.ts'

const ALG = 'ES256'

/** Only for the file's owner: until `logout`, anyone who can read it can administer the registry as this person. */
const SignIn = z.object({
  issuer: z.string(),
  client_id: z.string(),
  scope: z.string(),
  refresh_token: z.string(),
  access_token: z.string(),
  /** When the access token ends, in epoch seconds. */
  expires_at: z.number(),
  /** The private key that both tokens are bound to (RFC 9449). */
  key: z.looseObject({ d: z.string() }),
})
export type SignIn = Omit<z.output<typeof SignIn>, 'key'> & Readonly<{ key: JWK }>

/** The key of one sign-in. `thumbprint` is `dpop_jkt`. */
export async function newKey(): Promise<Readonly<{ key: JWK; thumbprint: string }>> {
  const { privateKey } = await generateKeyPair(ALG, { extractable: true })
  const key = await exportJWK(privateKey)
  return { key, thumbprint: await calculateJwkThumbprint(key) }
}

/** RFC 9449 §4.2. `url` has no query. */
async function proofOf(
  key: JWK,
  { method, url, accessToken }: Readonly<{ method: string; url: string; accessToken?: string }>,
): Promise<string> {
  const { d: _, ...publicKey } = key
  const ath = accessToken === undefined ? {} : { ath: await digest(accessToken) }
  return new SignJWT({ jti: randomId(), htm: method, htu: url, ...ath })
    .setProtectedHeader({ typ: 'dpop+jwt', alg: ALG, jwk: publicKey })
    .setIssuedAt()
    .sign(await importJWK(key, ALG))
}

/** The registry at which a person may sign in, and the file that stores the sign-in. `login`: the command to type. */
export type SignInPlace = Readonly<{ server: Server; file: string; login: string }>

/** Null if there is no sign-in. Throws a Refusal for a file of another form, and for a sign-in at another registry. */
export async function readSignIn({ file, server }: SignInPlace): Promise<SignIn | null> {
  const { issuer } = server
  const text = await readIfPresent(file)
  if (text === null) return null
  const { data: signIn } = SignIn.safeParse(jsonIn(text))
  if (!signIn) throw new Refusal(`${file} is not a sign-in: remove it, then sign in again`)
  if (signIn.issuer === issuer) return signIn
  throw new Refusal(`${file} is a sign-in at ${signIn.issuer}, not at ${issuer}`)
}

/** The registry's response in the form that is stored. Throws a Refusal if it has no refresh token. */
export function signInOf(
  { issuer, client_id, key }: Pick<SignIn, 'issuer' | 'client_id' | 'key'>,
  { refresh_token, ...bought }: BoughtToken,
): SignIn {
  if (refresh_token === null) throw new Refusal('the registry gave no refresh token')
  return { issuer, client_id, key, refresh_token, ...bought }
}

export async function buyWithKey(
  server: Server,
  key: JWK,
  fields: Readonly<Record<string, string>>,
): Promise<BoughtToken> {
  const request = { method: 'POST', url: `${server.issuer}/token` }
  return buyToken(server, fields, { DPoP: await proofOf(key, request) })
}

/** If the response was lost, the same request gets the same tokens, because the registry recognizes a retry. */
async function refreshed(server: Server, signIn: SignIn): Promise<SignIn> {
  const refresh = async () =>
    buyWithKey(server, signIn.key, {
      grant_type: 'refresh_token',
      refresh_token: signIn.refresh_token,
      client_id: signIn.client_id,
    })
  const bought = await refresh().catch((fault: unknown) => {
    if (fault instanceof TokenRefusal) throw fault
    return refresh()
  })
  return signInOf(signIn, bought)
}

const over = (why: string, { login }: SignInPlace) =>
  new Refusal(`the sign-in has ended (${why}): ${login}`)

/** A refresh token is accepted once, so only one process renews; the others read what this process wrote. */
async function renewed(place: SignInPlace, refused: SignIn | null): Promise<SignIn> {
  const { server, file } = place
  return withFileLocked(file, async () => {
    const now = await readSignIn(place)
    if (!now) throw over('its file is gone', place)
    if (now.access_token !== refused?.access_token && isUsable(now.expires_at)) return now
    try {
      const signIn = await refreshed(server, now)
      await writeKept(file, signIn)
      return signIn
    } catch (fault) {
      if (fault instanceof TokenRefusal) throw over(fault.message, place)
      throw fault
    }
  })
}

export const signInTokens = (place: SignInPlace, signedIn: SignIn): Tokens =>
  tokensFrom(
    signedIn,
    (refused) => renewed(place, refused),
    async ({ key, access_token: accessToken }, method, path) => {
      const request = { method, url: `${place.server.issuer}${path}`, accessToken }
      return { Authorization: `DPoP ${accessToken}`, DPoP: await proofOf(key, request) }
    },
  )
