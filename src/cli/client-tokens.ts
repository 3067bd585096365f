/** Tokens of a client, which authenticates with its secret or with its private key. They are kept until they end. */

import { importJWK, type JWK, SignJWT } from 'jose'
import { randomId } from '../crypto/random.ts'
import { jsonIn, readIfPresent, readText } from '../local/files.ts'
import { Refusal } from '../local/refusal.ts'
import { buyToken, epochSeconds, isUsable, type Server, type Tokens, writeKept } from './tokens.ts'

/** RFC 7523 §2.2. */
const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const ASSERTION_SECONDS = 60

/** The algorithm of a key that names none. */
const ALGORITHMS: Readonly<Record<string, string>> = { EC: 'ES256', OKP: 'EdDSA', RSA: 'RS256' }

type Machine = Readonly<{ server: Server; clientId: string; tokenFile: string }>

/** A token beside the credential that bought it, in a file for its owner alone. */
type KeptToken = Readonly<{ client_id: string; access_token: string; expires_at: number }>

/** Null also for a file that cannot be used: the token is bought again. */
async function readKept({ tokenFile, clientId }: Machine): Promise<KeptToken | null> {
  const text = await readIfPresent(tokenFile).catch(() => null)
  const kept = jsonIn(text ?? '') as KeptToken | null
  return kept?.client_id === clientId && isUsable(kept.expires_at) ? kept : null
}

/** `credential`: the fields with which the client authenticates. */
function tokensBy(
  machine: Machine,
  credential: () => Promise<Readonly<Record<string, string>>>,
): Tokens {
  const { server, clientId, tokenFile } = machine
  let current: string | undefined
  let isNew = false
  async function buy(): Promise<string> {
    const fields = { grant_type: 'client_credentials', client_id: clientId }
    const { accessToken, expiresAt } = await buyToken(server, {
      ...fields,
      ...(await credential()),
    })
    isNew = true
    const kept = { client_id: clientId, access_token: accessToken, expires_at: expiresAt }
    // Without the file the next command buys another.
    await writeKept(tokenFile, kept satisfies KeptToken).catch(() => {})
    return accessToken
  }
  return {
    async headersFor() {
      current ??= (await readKept(machine))?.access_token ?? (await buy())
      return { Authorization: `Bearer ${current}` }
    },
    async renew() {
      if (isNew) return false
      current = await buy()
      return true
    },
  }
}

export const tokensBySecret = (machine: Machine, clientSecret: string): Tokens =>
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
    // The fault may repeat a part of the key.
    throw new Refusal(`${what} is not a private key: it needs a JWK (RFC 7517) of EC, OKP or RSA`)
  }
}

/** `aud` is the issuer, as the registry demands. */
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

export const tokensByKey = (machine: Machine, keyFile: string): Tokens =>
  tokensBy(machine, async () => ({
    client_assertion_type: JWT_BEARER,
    client_assertion: await assertionOf(machine, keyFile),
  }))
