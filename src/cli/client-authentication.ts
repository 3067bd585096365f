/** How a machine's client authenticates at `/token`: with its secret, or with its private key. */

import { importJWK, type JWK, SignJWT } from 'jose'
import { randomId } from '../crypto/random.ts'
import { readText } from '../local/files.ts'
import { Refusal } from '../local/refusal.ts'
import { buyToken, epochSeconds, machineTokens, type Server, type Tokens } from './tokens.ts'

/** RFC 7523 §2.2. */
const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const ASSERTION_SECONDS = 60

/** The algorithm of a key that names none. */
const ALGORITHMS: Readonly<Record<string, string>> = { EC: 'ES256', OKP: 'EdDSA', RSA: 'RS256' }

type Machine = Readonly<{ server: Server; clientId: string; tokenFile: string }>

const GRANT = { grant_type: 'client_credentials' }

export const tokensBySecret = (
  { server, clientId, tokenFile }: Machine,
  clientSecret: string,
): Tokens =>
  machineTokens({ clientId, file: tokenFile }, () =>
    buyToken(server, { ...GRANT, client_id: clientId, client_secret: clientSecret }),
  )

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
  machineTokens({ clientId: machine.clientId, file: machine.tokenFile }, async () =>
    buyToken(machine.server, {
      ...GRANT,
      client_id: machine.clientId,
      client_assertion_type: JWT_BEARER,
      client_assertion: await assertionOf(machine, keyFile),
    }),
  )
