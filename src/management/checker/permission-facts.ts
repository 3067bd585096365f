/** What became of the permissions that a request asks for. */

import { canonicalResource } from '../../domain/resource.ts'
import { holdsScope, OFFLINE_ACCESS, splitScopes } from '../../domain/scope.ts'
import type { Fact } from '../../pages/portal/check-page.tsx'
import { RESOURCE } from '../../protocol/fields.ts'
import { day, type FactsOf, worded } from './fact.ts'
import { visible } from './masked.ts'

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

export function targetFacts(of: FactsOf): Fact[] {
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

export function grantTypeFacts(of: FactsOf): Fact[] {
  const asked = of.isToken ? (of.fields.get('grant_type') ?? '') : 'authorization_code'
  return [worded('Grant type', [`${asked}: ${stateOf(of, 'grant_type', asked)}`])]
}
