/** What a client assertion or a DPoP proof says, beside what it must say. Nothing is verified here. */

import { unverifiedClaims, unverifiedHeader } from '../../crypto/client-jwt.ts'
import type { Fact } from '../../pages/portal/check-page.tsx'
import { isoTime } from '../../protocol/registration/field.ts'
import { visible } from './masked.ts'

type Told = Readonly<Record<string, unknown>>

const told = (value: unknown) => {
  if (value === undefined) return 'absent'
  return visible(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''), 200)
}

const LAST_MOMENT = 8.64e12

/** With how far it is from now. */
function moment(value: unknown, now: number): string {
  if (typeof value !== 'number' || !(Math.abs(value) < LAST_MOMENT)) return told(value)
  const seconds = Math.round(value - now)
  const from = seconds < 0 ? `${-seconds} s ago` : `in ${seconds} s`
  return `${value} (${isoTime(value)}, ${from})`
}

const NO_JWT: Fact = { name: 'Sent', values: ['a text that is no JWT'], isProse: true }

/** `registered`: the JWK Set of the client. */
export function assertionFacts(
  jwt: string,
  expected: Readonly<{ clientId: string; issuer: string; registered: string | null; now: number }>,
): Fact[] {
  const [header, claims] = [unverifiedHeader(jwt), unverifiedClaims(jwt)]
  if (!header || !claims) return [NO_JWT]
  const { clientId, issuer, registered, now } = expected
  const keys = registered === null ? [] : (JSON.parse(registered) as { keys: Told[] }).keys
  return [
    {
      name: 'Keys that are registered',
      values:
        keys.length === 0
          ? ['none']
          : keys.map(({ kid, kty, alg }) => `kid ${told(kid)}, ${told(alg ?? kty)}`),
    },
    { name: 'Its header', values: [`alg ${told(header.alg)}, kid ${told(header.kid)}`] },
    { name: 'iss and sub, expected', values: [clientId] },
    { name: 'iss and sub, sent', values: [told(claims.iss), told(claims.sub)] },
    { name: 'aud, expected', values: [issuer] },
    { name: 'aud, sent', values: [told(claims.aud)] },
    { name: 'exp', values: [moment(claims.exp, now)] },
    { name: 'iat', values: [moment(claims.iat, now)] },
    { name: 'jti', values: [claims.jti === undefined ? 'absent' : 'there'] },
  ]
}

export function proofFacts(
  jwt: string,
  expected: Readonly<{ issuer: string; now: number }>,
): Fact[] {
  const [header, claims] = [unverifiedHeader(jwt), unverifiedClaims(jwt)]
  if (!header || !claims) return [NO_JWT]
  return [
    {
      name: 'Its header',
      values: [
        `typ ${told(header.typ)} (expected dpop+jwt), alg ${told(header.alg)}, jwk ${header.jwk ? 'there' : 'absent'}`,
      ],
    },
    { name: 'htm', values: [`${told(claims.htm)} (expected POST)`] },
    { name: 'htu, expected', values: [`${expected.issuer}/token`] },
    { name: 'htu, sent', values: [told(claims.htu)] },
    { name: 'iat', values: [moment(claims.iat, expected.now)] },
    { name: 'jti', values: [claims.jti === undefined ? 'absent' : 'there'] },
  ]
}
