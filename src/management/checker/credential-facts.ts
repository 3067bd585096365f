/** How a client authenticates, and the form of the secret, code or token that was sent: never the value. */

import { isWellFormed, TOKEN_PREFIXES, tokenOf } from '../../crypto/token.ts'
import { liveCredentials } from '../../domain/client.ts'
import type { Fact } from '../../pages/portal/check-page.tsx'
import { readClientAuthentication } from '../../protocol/client-authentication.ts'
import { day, type FactsOf, MISSING, second, worded } from './fact.ts'
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
    worded('Registered', [METHODS[client.authMethod]]),
    worded('Sent', came.length === 0 ? [idAlone] : came),
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
    worded('Secrets of the client', live.length === 0 ? [MISSING] : live),
    worded('Sent', ['secret' in presented ? formOf('clientSecret', presented.secret) : MISSING]),
  ]
}
