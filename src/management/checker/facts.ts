/** Beside a check that failed: what was expected, and what came. No rule is decided here. */

import { digest } from '../../crypto/digest.ts'
import { isWellFormed, TOKEN_PREFIXES, tokenOf } from '../../crypto/token.ts'
import { type ClientRecord, GRANT_TYPES, liveCredentials } from '../../domain/client.ts'
import { canonicalResource } from '../../domain/resource.ts'
import { holdsScope, OFFLINE_ACCESS, splitScopes } from '../../domain/scope.ts'
import type { CheckName } from '../../protocol/checks.ts'
import { type Fields, RESOURCE } from '../../protocol/fields.ts'
import { firstDifference } from '../../protocol/redirect-uri.ts'
import type { Declared } from '../../stores/portal.ts'
import { assertionFacts, proofFacts } from './jwt-facts.ts'
import { visible } from './masked.ts'
import type { Seen } from './stores.ts'

/** A value with the part from which on it differs. */
export type FactValue = string | Readonly<{ same: string; differs: string }>
/** `isProse`: words, and no text of a request alone. */
export type Fact = Readonly<{ name: string; values: readonly FactValue[]; isProse?: boolean }>

/** A fact in words. */
export const worded = (name: string, values: readonly string[]): Fact => ({
  name,
  values,
  isProse: true,
})

export type FactsOf = Readonly<{
  isToken: boolean
  client: ClientRecord
  declared: Declared
  fields: Fields
  authorization: string | null
  dpop: string | null
  seen: Seen
  issuer: string
  now: number
}>

const iso = (at: number) => new Date(at * 1000).toISOString()
const day = (at: number) => iso(at).slice(0, 10)
const second = (at: number) => `${iso(at).slice(0, 19)}Z`

/** Both with a mark where they part. */
function compared(expected: string, came: string): readonly [FactValue, FactValue] {
  const [left, right] = [visible(expected), visible(came)]
  if (left === right) return [left, right]
  const at = firstDifference(right, left) - 1
  const split = (text: string) => {
    const characters = [...text]
    return { same: characters.slice(0, at).join(''), differs: characters.slice(at).join('') }
  }
  return [split(left), split(right)]
}

const MISSING = 'none'

function redirectFacts({ isToken, client, fields, seen }: FactsOf): Fact[] {
  const came = fields.get('redirect_uri')
  const expected = isToken ? [seen.code?.redirectUri ?? ''] : [...client.redirectUris]
  const name = isToken ? 'redirect_uri of the authorization request' : 'Registered'
  if (came === undefined || expected.length === 0) {
    return [
      { name, values: expected.length === 0 ? [MISSING] : expected.map((one) => visible(one)) },
      { name: 'Sent', values: [came === undefined ? MISSING : visible(came)] },
    ]
  }
  const nearest = expected.reduce((best, one) =>
    firstDifference(came, one) > firstDifference(came, best) ? one : best,
  )
  const [marked, cameMarked] = compared(nearest, came)
  return [
    { name, values: expected.map((one) => (one === nearest ? marked : visible(one))) },
    { name: 'Sent', values: [cameMarked] },
  ]
}

/** What became of a permission of the client. */
function stateOf({ client, declared }: FactsOf, kind: 'scope' | 'grant_type', value: string) {
  const permission = client.permissions.find((one) => one.kind === kind && one.value === value)
  if (permission?.authorizedAt != null) return 'authorized'
  if (kind === 'scope' && holdsScope(client.scopes, value)) return 'authorized by a wider scope'
  const decision = client.decisions.find((one) => one.kind === kind && one.value === value)
  const words = { declined: 'declined', withdrawn: 'withdrawn', taken_back: 'taken back' }
  const decided =
    decision &&
    `${words[decision.decision]} on ${day(decision.decidedAt)}${decision.reason === '' ? '' : `: ${visible(decision.reason, 200)}`}`
  if (permission) {
    const before = decided ? `, before that ${decided}` : ''
    return `requested on ${day(permission.requestedAt)}, not approved yet${before}`
  }
  if (decided) return decided
  if (kind === 'grant_type') return 'never asked for'
  return declared.scopes.some(({ name }) => name === value)
    ? 'never asked for'
    : 'never asked for, and no declared scope has this name'
}

const MAX_LISTED = 20

function targetFacts(of: FactsOf): Fact[] {
  const { client, declared, fields, seen } = of
  const asked = splitScopes(fields.get('scope') ?? '').filter((one) => one !== OFFLINE_ACCESS)
  const resources = splitScopes(fields.get(RESOURCE) ?? '')
  const granted = seen.code?.user.scopes ?? seen.family?.user.scopes
  const resourceOf = (text: string) => {
    const uri = canonicalResource(text)
    const known = declared.resources.find((one) => one.uri === uri)
    if (!known) return `${visible(text, 200)}: no resource here has this URI`
    const scopes = known.scopes.filter((scope) => holdsScope(client.scopes, scope))
    const held = scopes.length === 0 ? 'none of its scopes' : scopes.join(' ')
    return `${visible(text, 200)}: the client is authorized for ${held}`
  }
  return [
    worded(
      'Scopes asked for',
      asked.length === 0
        ? ['none: all that it may have']
        : asked
            .slice(0, MAX_LISTED)
            .map((scope) => `${visible(scope, 200)}: ${stateOf(of, 'scope', scope)}`),
    ),
    ...(granted ? [{ name: 'Scopes that the user allowed', values: granted }] : []),
    ...(resources.length > 0
      ? [worded('Resources asked for', resources.slice(0, MAX_LISTED).map(resourceOf))]
      : []),
    ...(resources.length === 0 && client.defaultResources.length > 0
      ? [{ name: 'Resources by default', values: client.defaultResources }]
      : []),
  ]
}

const METHODS = {
  client_secret: 'client_secret: a secret by HTTP Basic or in the body',
  client_secret_basic: 'client_secret_basic: a secret by HTTP Basic',
  client_secret_post: 'client_secret_post: a secret in the body',
  private_key_jwt: 'private_key_jwt: a client assertion',
  none: 'none: a public client, which sends its client_id alone',
} as const

function methodFacts({ client, fields, authorization }: FactsOf): Fact[] {
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

/** Of the form alone. */
function formOf(kind: keyof typeof KINDS, came: string): string {
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

/** RFC 6749 §2.3.1. */
function basicSecret(authorization: string | null): string | null {
  try {
    const pair = atob(authorization?.split(' ').at(-1) ?? '')
    return decodeURIComponent(pair.slice(pair.indexOf(':') + 1).replaceAll('+', ' '))
  } catch {
    return null
  }
}

function secretFacts({ client, fields, authorization, now }: FactsOf): Fact[] {
  const came = fields.get('client_secret') ?? basicSecret(authorization)
  const live = liveCredentials(client, now).map(
    ({ createdAt, expiresAt, lastUsedAt }) =>
      `made on ${day(createdAt)}${expiresAt === null ? '' : `, expires ${second(expiresAt)}`}, ${
        lastUsedAt === null ? 'never used' : `last used on ${day(lastUsedAt)}`
      }`,
  )
  return [
    worded('Secrets of the client', live.length === 0 ? [MISSING] : live),
    worded('Sent', [came === null ? MISSING : formOf('clientSecret', came)]),
  ]
}

async function verifierFacts({ fields, seen }: FactsOf): Promise<Fact[]> {
  const verifier = fields.get('code_verifier')
  const challenge = seen.code?.codeChallenge ?? null
  return [
    { name: 'code_challenge of the authorization request', values: [challenge ?? MISSING] },
    {
      name: 'S256 of the code_verifier',
      values: [verifier === undefined ? 'no code_verifier was sent' : await digest(verifier)],
    },
    ...(verifier === undefined ? [] : [lengthOf(verifier)]),
  ]
}

function lengthOf(verifier: string): Fact {
  const wrong = [...new Set(verifier.replace(/[A-Za-z0-9._~-]/g, ''))].slice(0, 10)
  const others = wrong.length === 0 ? '' : `, with ${wrong.length} that may not be in it`
  return worded('code_verifier', [`${verifier.length} characters (43 to 128 are needed)${others}`])
}

const secondsOf = (name: string, at: number) => worded(name, [second(at)])

function timeFacts({ seen: { code, family }, now }: FactsOf): Fact[] {
  const clock = secondsOf('Now', now)
  if (code) return [secondsOf('Issued', code.issuedAt), secondsOf('Expires', code.expiresAt), clock]
  return family ? [secondsOf('Expires', family.expiresAt), clock] : []
}

const FACTS: Partial<Record<CheckName, (of: FactsOf) => Fact[] | Promise<Fact[]>>> = {
  redirect_uri: redirectFacts,
  target: targetFacts,
  credentials: methodFacts,
  auth_method: methodFacts,
  secret: secretFacts,
  assertion: ({ client, fields, issuer, now }) =>
    assertionFacts(fields.get('client_assertion') ?? '', {
      clientId: client.clientId,
      issuer,
      registered: client.jwks,
      now,
    }),
  dpop_proof: ({ dpop, issuer, now }) => proofFacts(dpop ?? '', { issuer, now }),
  grant_type: () => [{ name: 'Known', values: GRANT_TYPES }],
  grant_type_approved: (of) => {
    const asked = of.isToken ? (of.fields.get('grant_type') ?? '') : 'authorization_code'
    return [worded('Grant type', [`${asked}: ${stateOf(of, 'grant_type', asked)}`])]
  },
  parameters: ({ fields }) => {
    const verifier = fields.get('code_verifier')
    return verifier === undefined ? [] : [lengthOf(verifier)]
  },
  code: ({ fields }) => [worded('Sent', [formOf('authorizationCode', fields.get('code') ?? '')])],
  refresh_token: ({ fields }) => [
    worded('Sent', [formOf('refreshToken', fields.get('refresh_token') ?? '')]),
  ],
  code_verifier: verifierFacts,
  dpop_key: ({ seen, dpop }) => [
    { name: 'Bound to the key', values: [seen.code?.dpopJkt ?? seen.family?.jkt ?? MISSING] },
    worded('Sent', [dpop === null ? 'no DPoP proof' : 'a DPoP proof of another key']),
  ],
  expiry: timeFacts,
  reuse: timeFacts,
  spending: timeFacts,
}

export const factsOf = async (check: CheckName, of: FactsOf): Promise<readonly Fact[]> =>
  (await FACTS[check]?.(of)) ?? []
