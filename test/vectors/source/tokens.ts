/** The access tokens of the vectors, each in both forms: opaque with its introspection response, and signed. */

import { createHash } from 'node:crypto'
import { tokenOf } from '../../../src/crypto/token.ts'
import { formatScopes } from '../../../src/domain/scope.ts'
import { type KeyName, keyNamed, signed, thumbprintOf } from './keys.ts'
import type { Allowed, Answer, Form, Refused, Required, Vector } from './vector.ts'

export const ISSUER = 'https://auth.example'
export const NOW = 1_790_000_000
export const FILES = 'https://files.example'
export const MAIL = 'https://mail.example/mcp'
const ISSUED_AT = NOW - 60
export const EXPIRES_AT = NOW + 540

export type Described = Readonly<{
  /** Null if the client acts for itself. */
  user?: string | null
  scopes?: readonly string[]
  endorsements?: readonly string[]
  audience?: readonly string[]
  boundTo?: KeyName
  expiresAt?: number
}>

const CLIENT = 'client-1'
/** Adds the defaults of members that the description omits. */
const whole = ({
  user = 'user-1',
  scopes = ['files:read'],
  endorsements = [],
  audience = [FILES],
  expiresAt = EXPIRES_AT,
  boundTo,
}: Described) => ({ user, scopes, endorsements, audience, expiresAt, boundTo })

const sha256 = (text: string) => createHash('sha256').update(text).digest('base64url')

/** A well-formed token, which is always the same for the same name. */
export const opaqueTokenOf = (name: string) => tokenOf('accessToken', sha256(name))

export function claimsOf(described: Described): Record<string, unknown> {
  const { user, scopes, endorsements, audience, expiresAt, boundTo } = whole(described)
  return {
    iss: ISSUER,
    sub: user ?? CLIENT,
    aud: audience,
    client_id: CLIENT,
    scope: formatScopes(scopes),
    iat: ISSUED_AT,
    exp: expiresAt,
    jti: sha256(JSON.stringify(described)).slice(0, 22),
    endorsements,
    ...(boundTo && { cnf: { jkt: thumbprintOf(boundTo) } }),
    as_of_ms: ISSUED_AT * 1000,
  }
}

export const headerOf = (name: KeyName) => {
  const { alg, kid } = keyNamed(name)
  return { alg, typ: 'at+jwt', kid }
}

export const signedTokenOf = (described: Described) =>
  signed('registry', headerOf('registry'), claimsOf(described))

function introspected(described: Described) {
  const { iss, sub, aud, client_id, scope, iat, exp, endorsements, cnf } = claimsOf(described)
  const { user, boundTo, audience } = whole(described)
  return {
    ...{ active: true, scope, client_id },
    ...(user !== null && { username: user }),
    ...{ sub },
    ...(audience.length > 0 && { aud }),
    token_type: boundTo ? 'DPoP' : 'Bearer',
    ...(boundTo && { cnf }),
    ...{ exp, iat, iss, endorsements },
  }
}

export function allowed(described: Described = {}): Allowed {
  const { user, scopes, endorsements, audience, boundTo } = whole(described)
  return {
    status: 200,
    session: {
      ...{ sub: user ?? CLIENT, client_id: CLIENT, scopes: [...scopes].sort() },
      ...{ audience, endorsements },
      ...(boundTo && { jkt: thumbprintOf(boundTo) }),
    },
  }
}

export const READ: Required = { scopes: ['files:read'], audience: FILES }

/** A refusal of a request that needs these scopes. */
export function refused(
  error: string | null,
  { scopes, resource }: Required = READ,
  scheme: Refused['scheme'] = 'Bearer',
): Refused {
  return {
    status: error === 'insufficient_scope' ? 403 : 401,
    ...{ error, scheme },
    ...(resource === undefined && { scope: scopes.join(' ') }),
  }
}

export type Written = Readonly<{ vectors: Vector[]; introspection: Record<string, object> }>
export const nothingWritten = (): Written => ({ vectors: [], introspection: {} })

export type Told = Readonly<{
  title: string
  token?: Described
  required?: Required
  answer: Answer
  repeated?: Answer
  now?: number
  method?: string
  url?: string
  /** The headers for a token of either form. */
  headers?: (token: string, form: Form) => Promise<Record<string, string>> | Record<string, string>
}>

const bearer = (token: string) => ({ Authorization: `Bearer ${token}` })

/** Whether the token can be signed: it needs a resource and a scope, and the service must have an audience. */
const mayBeSigned = ({ audience, scopes }: Described, required: Required) =>
  required.audience !== undefined && audience?.length !== 0 && scopes?.length !== 0

/** Writes one vector for each form of its token. */
export async function inBothForms(written: Written, told: Told): Promise<void> {
  const { title, token: described = {}, required = READ, answer, repeated, now } = told
  const { method = 'GET', url = `${FILES}/reports/7`, headers = bearer } = told
  const opaque = opaqueTokenOf(title)
  written.introspection[opaque] = introspected(described)
  const forms = [
    ['opaque', opaque],
    ...(mayBeSigned(described, required)
      ? [['signed', await signedTokenOf(described)] as const]
      : []),
  ] as const
  for (const [form, token] of forms) {
    written.vectors.push({
      ...{ title: `${title} (${form})`, form },
      ...(now !== undefined && { now }),
      request: { method, url, headers: await headers(token, form) },
      ...{ required, answer },
      ...(repeated && { repeated }),
    })
  }
}

/** Writes one vector for a request whose response does not depend on the form of a token. */
export function plain(
  { vectors }: Written,
  title: string,
  headers: Record<string, string>,
  answer: Answer,
): void {
  const request = { method: 'GET', url: `${FILES}/reports/7`, headers }
  vectors.push({ title, form: 'any', request, required: READ, answer })
}

export { sha256 }
