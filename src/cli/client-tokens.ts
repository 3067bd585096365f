/** Tokens that a client buys with its secret or its private key. They are stored until they expire. */

import { importJWK, type JWK, SignJWT } from 'jose'
import { randomId } from '../crypto/random.ts'
import { jsonIn, readIfPresent, readText } from '../local/files.ts'
import { Refusal } from '../local/refusal.ts'
import {
  buyToken,
  epochSeconds,
  type Server,
  type Tokens,
  tokensFrom,
  writeKept,
} from './tokens.ts'

/** RFC 7523 §2.2. */
const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const ASSERTION_SECONDS = 60

/** The algorithm of a key without `alg`. */
const ALGORITHMS: Readonly<Record<string, string>> = { EC: 'ES256', OKP: 'EdDSA', RSA: 'RS256' }

type Machine = Readonly<{ server: Server; clientId: string; tokenFile: string }>

/** The token is stored beside the credential that bought it, in a file that only its owner can read. */
type KeptToken = Readonly<{ client_id: string; access_token: string; expires_at: number }>

/** Null also if the file cannot be used: another token is then bought. */
async function readKept({ tokenFile, clientId }: Machine): Promise<KeptToken | null> {
  const text = await readIfPresent(tokenFile).catch(() => null)
  const kept = jsonIn(text ?? '') as KeptToken | null
  return kept?.client_id === clientId ? kept : null
}

/** `credential`: the form fields with which the client authenticates. */
async function tokensBy(
  machine: Machine,
  credential: () => Promise<Readonly<Record<string, string>>>,
): Promise<Tokens> {
  const { server, clientId, tokenFile } = machine
  async function buy(): Promise<KeptToken> {
    const fields = { grant_type: 'client_credentials', client_id: clientId }
    const bought = await buyToken(server, { ...fields, ...(await credential()) })
    const { access_token, expires_at } = bought
    const kept = { client_id: clientId, access_token, expires_at }
    // If the file cannot be written, the next command buys another token.
    await writeKept(tokenFile, kept).catch(() => {})
    return kept
  }
  return tokensFrom(await readKept(machine), buy, async ({ access_token }) => ({
    Authorization: `Bearer ${access_token}`,
  }))
}

export const tokensBySecret = (machine: Machine, clientSecret: string): Promise<Tokens> =>
  tokensBy(machine, async () => ({ client_secret: clientSecret }))

async function readPrivateKey(file: string) {
  const what = `REGISTRY_PRIVATE_KEY_FILE: ${JSON.stringify(file)}`
  const text = await readText(what, file)
  try {
    const jwk = JSON.parse(text) as JWK
    if (typeof jwk.d !== 'string') throw new TypeError('not private')
    const alg = jwk.alg ?? ALGORITHMS[jwk.kty ?? ''] ?? ''
    return { key: await importJWK(jwk, alg), alg, kid: jwk.kid }
  } catch {
    // The message of the fault is not shown, because it may contain a part of the key.
    throw new Refusal(`${what} is not a private key: it needs a JWK (RFC 7517) of EC, OKP or RSA`)
  }
}

/** The `aud` is the issuer, as the registry demands. */
async function assertionOf({ server, clientId }: Machine, keyFile: string): Promise<string> {
  const { key, alg, kid } = await readPrivateKey(keyFile)
  const now = epochSeconds()
  return new SignJWT({ jti: randomId() })
    .setProtectedHeader({ alg, ...(kid !== undefined && { kid }) })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(server.issuer)
    .setIssuedAt(now)
    .setExpirationTime(now + ASSERTION_SECONDS)
    .sign(key)
}

export const tokensByKey = (machine: Machine, keyFile: string): Promise<Tokens> =>
  tokensBy(machine, async () => ({
    client_assertion_type: JWT_BEARER,
    client_assertion: await assertionOf(machine, keyFile),
  }))
