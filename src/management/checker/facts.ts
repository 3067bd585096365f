/** The facts beside a failed check: what was expected, and what was sent. No rule is decided here. */

import { digest } from '../../crypto/digest.ts'
import { GRANT_TYPES } from '../../domain/client.ts'
import { canonicalResource } from '../../domain/resource.ts'
import { holdsScope, OFFLINE_ACCESS, splitScopes } from '../../domain/scope.ts'
import type { Fact, FactValue } from '../../pages/portal/check-page.tsx'
import { STATES } from '../../pages/portal/permissions.tsx'
import type { CheckName } from '../../protocol/checks.ts'
import { RESOURCE } from '../../protocol/fields.ts'
import { firstDifference } from '../../protocol/redirect-uri.ts'
import { assertionFacts, formOf, methodFacts, proofFacts, secretFacts } from './credential-facts.ts'
import { day, exact, type FactsOf, MISSING, orMissing, second, worded } from './fact.ts'
import { visible } from './masked.ts'

/** Both texts, each with a mark where they begin to differ. */
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

function redirectFacts({ isToken, client, fields, seen }: FactsOf): Fact[] {
  const came = fields.get('redirect_uri')
  const expected = isToken ? [seen.code?.redirectUri ?? ''] : [...client.redirectUris]
  const name = isToken ? 'redirect_uri of the authorization request' : 'Registered'
  if (came === undefined || expected.length === 0) {
    return [
      exact(name, ...orMissing(expected.map((one) => visible(one)))),
      exact('Sent', came === undefined ? MISSING : visible(came)),
    ]
  }
  const nearest = expected.reduce((best, one) =>
    firstDifference(came, one) > firstDifference(came, best) ? one : best,
  )
  const [marked, cameMarked] = compared(nearest, came)
  return [
    exact(name, ...expected.map((one) => (one === nearest ? marked : visible(one)))),
    exact('Sent', cameMarked),
  ]
}

async function verifierFacts({ fields, seen }: FactsOf): Promise<Fact[]> {
  const verifier = fields.get('code_verifier')
  const sent = verifier === undefined ? 'no code_verifier was sent' : await digest(verifier)
  return [
    exact('code_challenge of the authorization request', seen.code?.codeChallenge ?? MISSING),
    exact('S256 of the code_verifier', sent),
    ...lengthFacts(verifier),
  ]
}

function lengthFacts(verifier: string | undefined): Fact[] {
  if (verifier === undefined) return []
  const wrong = [...new Set(verifier.replace(/[A-Za-z0-9._~-]/g, ''))].slice(0, 10)
  const others = wrong.length === 0 ? '' : `, with ${wrong.length} that may not be in it`
  return [worded('code_verifier', `${verifier.length} characters (43 to 128 are needed)${others}`)]
}

/** The state of a permission of the client. */
function stateOf({ client, declared }: FactsOf, kind: 'scope' | 'grant_type', value: string) {
  const permission = client.permissions.find((one) => one.kind === kind && one.value === value)
  if (permission?.authorizedAt != null) return 'authorized'
  if (kind === 'scope' && holdsScope(client.scopes, value)) return 'authorized by a wider scope'
  const decision = client.decisions.find((one) => one.kind === kind && one.value === value)
  const decided =
    decision &&
    `${STATES[decision.decision]} on ${day(decision.decidedAt)}${decision.reason === '' ? '' : `: ${visible(decision.reason, 200)}`}`
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
  const scopes = asked
    .slice(0, MAX_LISTED)
    .map((scope) => `${visible(scope, 200)}: ${stateOf(of, 'scope', scope)}`)
  const facts = [
    worded('Scopes asked for', ...(asked.length === 0 ? ['none: all that it may have'] : scopes)),
    exact('Scopes that the user allowed', ...(granted ?? [])),
    worded('Resources asked for', ...resources.slice(0, MAX_LISTED).map(resourceOf)),
    exact('Resources by default', ...(resources.length === 0 ? client.defaultResources : [])),
  ]
  return facts.filter(({ values }) => values.length > 0)
}

function grantTypeFacts(of: FactsOf): Fact[] {
  const asked = of.isToken ? (of.fields.get('grant_type') ?? '') : 'authorization_code'
  return [worded('Grant type', `${asked}: ${stateOf(of, 'grant_type', asked)}`)]
}

const secondsOf = (name: string, at: number) => worded(name, second(at))

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
  assertion: assertionFacts,
  dpop_proof: proofFacts,
  grant_type: () => [exact('Known', ...GRANT_TYPES)],
  grant_type_approved: grantTypeFacts,
  parameters: ({ fields }) => lengthFacts(fields.get('code_verifier')),
  code: ({ fields }) => [worded('Sent', formOf('authorizationCode', fields.get('code') ?? ''))],
  refresh_token: ({ fields }) => [
    worded('Sent', formOf('refreshToken', fields.get('refresh_token') ?? '')),
  ],
  code_verifier: verifierFacts,
  dpop_key: ({ seen, dpop }) => [
    exact('Bound to the key', seen.code?.dpopJkt ?? seen.family?.jkt ?? MISSING),
    worded('Sent', dpop === null ? 'no DPoP proof' : 'a DPoP proof of another key'),
  ],
  expiry: timeFacts,
  reuse: timeFacts,
  spending: timeFacts,
}

export const factsOf = async (check: CheckName, of: FactsOf): Promise<readonly Fact[]> =>
  (await FACTS[check]?.(of)) ?? []
