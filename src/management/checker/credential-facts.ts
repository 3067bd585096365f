/**
 * How a client authenticates: the form of the secret, code or token that was sent, but never the value, and the members of a
 * client assertion or a DPoP proof beside the values that they must have. Nothing is verified here.
 */

import { unverifiedClaims, unverifiedHeader } from '../../crypto/client-jwt.ts'
import { isWellFormed, TOKEN_PREFIXES, tokenOf } from '../../crypto/token.ts'
import { liveCredentials } from '../../domain/client.ts'
import type { Fact } from '../../pages/portal/check-page.tsx'
import { readClientAuthentication } from '../../protocol/client-authentication.ts'
import { isoTime } from '../../protocol/registration/field.ts'
import { day, exact, type FactsOf, MISSING, orMissing, second, worded } from './fact.ts'
import { visible } from './masked.ts'

const METHODS = {
  client_secret: 'client_secret: a secret by HTTP Basic or in the body',
  client_secret_basic: 'client_secret_basic: a secret by HTTP Basic',
  client_secret_post: 'client_secret_post: a secret in the body',
  private_key_jwt: 'private_key_jwt: a client assertion',
  none: 'none: a public client, which sends its client_id alone',
} as const

export function methodFacts({ client, fields, authorization }: FactsOf): Fact[] {
  const came = [
    authorization === null
      ? []
      : [`the header Authorization: ${visible(authorization.split(' ')[0] ?? '', 12)}`],
    fields.has('client_secret') ? ['client_secret in the body'] : [],
    fields.has('client_assertion') ? ['client_assertion in the body'] : [],
  ].flat()
  const idAlone = fields.has('client_id') ? 'client_id alone' : 'nothing, not even client_id'
  return [
    worded('Registered', METHODS[client.authMethod]),
    worded('Sent', ...(came.length === 0 ? [idAlone] : came)),
  ]
}

const KINDS = {
  clientSecret: 'secrets',
  authorizationCode: 'codes',
  refreshToken: 'refresh tokens',
} as const

/** Describes the form of a value, and shows nothing of it. */
export function formOf(kind: keyof typeof KINDS, came: string): string {
  const length = `${came.length} characters`
  if (isWellFormed(kind, came))
    return `${length}, in the form of the ${KINDS[kind]} of this registry`
  if (came.trim() !== came) return `${length}, with a space or a line break at an end`
  const prefix = TOKEN_PREFIXES[kind]
  if (!came.startsWith(prefix)) {
    return `${length}; the ${KINDS[kind]} of this registry begin with ${prefix}`
  }
  const usual = tokenOf(kind, '').length + '-'.repeat(43).length
  return came.length === usual
    ? `${length}, of which one is wrong: the checksum does not fit`
    : `${length}, and the ${KINDS[kind]} of this registry have ${usual}`
}

export function secretFacts({ client, fields, authorization, now }: FactsOf): Fact[] {
  const presented = readClientAuthentication(fields, authorization ?? undefined)
  const live = liveCredentials(client, now).map(
    ({ createdAt, expiresAt, lastUsedAt }) =>
      `made on ${day(createdAt)}${expiresAt === null ? '' : `, expires ${second(expiresAt)}`}, ${
        lastUsedAt === null ? 'never used' : `last used on ${day(lastUsedAt)}`
      }`,
  )
  return [
    worded('Secrets of the client', ...orMissing(live)),
    worded('Sent', 'secret' in presented ? formOf('clientSecret', presented.secret) : MISSING),
  ]
}

type Told = Readonly<Record<string, unknown>>

const told = (value: unknown) => {
  if (value === undefined) return 'absent'
  return visible(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''), 200)
}

const LAST_MOMENT = 8.64e12

/** The moment, and how far it is from now. */
function moment(value: unknown, now: number): string {
  if (typeof value !== 'number' || !(Math.abs(value) < LAST_MOMENT)) return told(value)
  const seconds = Math.round(value - now)
  const from = seconds < 0 ? `${-seconds} s ago` : `in ${seconds} s`
  return `${value} (${isoTime(value)}, ${from})`
}

const NO_JWT = worded('Sent', 'a text that is no JWT')

export function assertionFacts({ client, fields, issuer, now }: FactsOf): Fact[] {
  const jwt = fields.get('client_assertion') ?? ''
  const [header, claims] = [unverifiedHeader(jwt), unverifiedClaims(jwt)]
  if (!header || !claims) return [NO_JWT]
  const { keys } = JSON.parse(client.jwks ?? '{"keys":[]}') as { keys: Told[] }
  const registered = keys.map(({ kid, kty, alg }) => `kid ${told(kid)}, ${told(alg ?? kty)}`)
  return [
    exact('Keys that are registered', ...orMissing(registered)),
    exact('Its header', `alg ${told(header.alg)}, kid ${told(header.kid)}`),
    exact('iss and sub, expected', client.clientId),
    exact('iss and sub, sent', told(claims.iss), told(claims.sub)),
    exact('aud, expected', issuer),
    exact('aud, sent', told(claims.aud)),
    exact('exp', moment(claims.exp, now)),
    exact('iat', moment(claims.iat, now)),
    exact('jti', claims.jti === undefined ? 'absent' : 'there'),
  ]
}

export function proofFacts({ dpop, issuer, now }: FactsOf): Fact[] {
  const [header, claims] = [unverifiedHeader(dpop ?? ''), unverifiedClaims(dpop ?? '')]
  if (!header || !claims) return [NO_JWT]
  const { typ, alg, jwk } = header
  return [
    exact(
      'Its header',
      `typ ${told(typ)} (expected dpop+jwt), alg ${told(alg)}, jwk ${jwk ? 'there' : 'absent'}`,
    ),
    exact('htm', `${told(claims.htm)} (expected POST)`),
    exact('htu, expected', `${issuer}/token`),
    exact('htu, sent', told(claims.htu)),
    exact('iat', moment(claims.iat, now)),
    exact('jti', claims.jti === undefined ? 'absent' : 'there'),
  ]
}
