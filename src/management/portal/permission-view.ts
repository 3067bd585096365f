/** The state of each permission of a client, and what owners can request, in sentences. */

import type { ClientRecord, GrantType, Permission, PermissionLists } from '../../domain/client.ts'
import { GRANT_TYPES, isPublic } from '../../domain/client.ts'
import { isScopeOf } from '../../domain/resource.ts'
import {
  type Catalogue,
  describeScope,
  endorsementSentence,
  isDeclaredEndorsement,
  isDeclaredScope,
} from '../../domain/scope-catalogue.ts'
import type { ShownPermission } from '../../pages/portal/permissions.tsx'
import type { Askable } from '../../pages/portal/permissions-page.tsx'
import type { Declared } from '../../stores/shown-client.ts'

export const catalogueOf = ({ scopes, categories }: Declared): Catalogue => ({
  scopes: new Map(
    scopes.map(({ name, sentence, sensitive }) => [
      name,
      { name, sentence, isSensitive: sensitive },
    ]),
  ),
  titles: new Map(categories.map(({ name, title }) => [name, title])),
})

const GRANT_SENTENCES: Readonly<Record<GrantType, string>> = {
  client_credentials: 'Get tokens for itself',
  authorization_code: 'Ask users for access to their accounts',
  refresh_token: 'Keep the access while users are away',
}

export function sentenceOf(
  { kind, value }: Pick<Permission, 'kind' | 'value'>,
  catalogue: Catalogue,
) {
  if (kind === 'scope') return describeScope(value, catalogue).sentence
  if (kind === 'endorsement') return endorsementSentence(value, catalogue)
  return GRANT_SENTENCES[value as GrantType] ?? value
}

function isUndeclared({ kind, value }: Pick<Permission, 'kind' | 'value'>, catalogue: Catalogue) {
  if (kind === 'scope') return !isDeclaredScope(value, catalogue)
  return kind === 'endorsement' && !isDeclaredEndorsement(value, catalogue)
}

/** The order: first what waits, then what is authorized, then what was declined or withdrawn. */
const PLACES = ['requested', 'authorized', 'declined', 'withdrawn', 'taken_back']

export function shownPermissions(client: ClientRecord, catalogue: Catalogue): ShownPermission[] {
  const decisionOn = ({ kind, value }: Permission) =>
    client.decisions.find((one) => one.kind === kind && one.value === value) ?? null
  const isHeld = (decision: Permission) =>
    client.permissions.some(({ kind, value }) => kind === decision.kind && value === decision.value)
  const held = client.permissions.map((permission) => ({
    ...permission,
    sentence: sentenceOf(permission, catalogue),
    isUndeclared: isUndeclared(permission, catalogue),
    state: permission.authorizedAt === null ? ('requested' as const) : ('authorized' as const),
    decision: decisionOn(permission),
  }))
  const gone = client.decisions
    .filter((decision) => !isHeld(decision))
    .map((decision) => ({
      ...decision,
      sentence: sentenceOf(decision, catalogue),
      isUndeclared: isUndeclared(decision, catalogue),
      state: decision.decision,
      decision,
    }))
  return [...held, ...gone].sort(
    (a, b) =>
      PLACES.indexOf(a.state) - PLACES.indexOf(b.state) ||
      a.kind.localeCompare(b.kind) ||
      a.value.localeCompare(b.value),
  )
}

/** The permissions whose boxes are ticked. A permission that the client does not have changes nothing. */
export function tickedIn(
  permissions: readonly Permission[],
  boxes: readonly string[],
): Required<PermissionLists> {
  const listOf = (wanted: Permission['kind']) =>
    permissions
      .filter(({ kind, value }) => kind === wanted && boxes.includes(`${kind} ${value}`))
      .map(({ value }) => value)
  return {
    scopes: listOf('scope'),
    grantTypes: listOf('grant_type'),
    endorsements: listOf('endorsement'),
  }
}

const hasPermission = (client: ClientRecord, kind: Permission['kind'], value: string) =>
  client.permissions.some((one) => one.kind === kind && one.value === value)

/** `ticked`: the ticked scopes of the sent form. A scope of several resources is named with the first of them. */
export function askableScopes(client: ClientRecord, declared: Declared, ticked: readonly string[]) {
  const askable = declared.scopes
    .filter(({ name }) => !hasPermission(client, 'scope', name))
    .map(
      ({ name, sentence, sensitive, selfRegistered }): Askable => ({
        value: name,
        sentence,
        isSensitive: sensitive,
        isFree: selfRegistered,
        isChecked: ticked.includes(name),
      }),
    )
  const resourceOf = ({ value }: Askable) =>
    declared.resources.find((resource) => isScopeOf(resource, value)) ?? null
  return [...Map.groupBy(askable, resourceOf)].map(([resource, scopes]) => ({ resource, scopes }))
}

/** RFC 6749 §4.4: only a client that authenticates gets tokens for itself. */
export const askableGrantTypes = (client: ClientRecord, ticked: readonly string[]): Askable[] =>
  GRANT_TYPES.filter(
    (grantType) =>
      !hasPermission(client, 'grant_type', grantType) &&
      (grantType !== 'client_credentials' || !isPublic(client)) &&
      (grantType === 'client_credentials' || client.redirectUris.length > 0),
  ).map((grantType) => ({
    value: grantType,
    sentence: GRANT_SENTENCES[grantType],
    isSensitive: false,
    isFree: false,
    isChecked: ticked.includes(grantType),
  }))
