/** The `resource` parameter (RFC 8707 §2): which services a token is for, and which scopes the token can then have. */

import type { Client } from '../domain/client.ts'
import {
  canonicalResource,
  type GrantedAudience,
  grantedResources,
  hasScopeOf,
  MAX_RESOURCES,
  mayName,
  RESOURCE_URI_RULE,
  type Resource,
  resourcesWith,
  scopesAt,
  type TokenFormat,
  tokenFormatOf,
  urisOf,
} from '../domain/resource.ts'
import { formatScopes } from '../domain/scope.ts'
import { OAuthError } from './errors.ts'
import { type Fields, RESOURCE } from './fields.ts'
import { quoted } from './sanitize.ts'
import { readRequestedScopes, type ScopePolicy } from './scope-parameter.ts'

/** Without resources the token is bound to none; with resources each of them has one of the scopes. */
export type Target = Readonly<{
  scopes: readonly string[]
  resources: readonly Resource[]
}>

const invalidTarget = (description: string, detail?: string) =>
  new OAuthError('invalid_target', description, detail === undefined ? {} : { detail })

const valuesIn = (fields: Fields) => fields.get(RESOURCE)?.split(' ') ?? []

/** The canonical URIs without duplicates, and without malformed ones: the resources to read with the client. */
export function namedResources(fields: Fields): readonly string[] {
  if (!fields.has(RESOURCE)) return []
  const uris = new Set(valuesIn(fields).map(canonicalResource))
  return [...uris].filter((uri) => uri !== null).slice(0, MAX_RESOURCES)
}

/** The same as `namedResources`, but throws `invalid_target` for a malformed URI. */
export function readResources(fields: Fields): readonly string[] {
  const values = valuesIn(fields)
  const uris = values.map((text) => {
    const uri = canonicalResource(text)
    if (uri !== null) return uri
    throw invalidTarget(`A resource ${RESOURCE_URI_RULE}.`, `malformed ${quoted(text)}`)
  })
  if (values.length > MAX_RESOURCES) {
    throw invalidTarget(`At most ${MAX_RESOURCES} resources can be requested at once.`)
  }
  return [...new Set(uris)]
}

/** Throws unless each resource has one of the scopes. */
function requireScopes(resources: readonly Resource[], scopes: readonly string[]) {
  const without = resources.find((one) => !hasScopeOf(one, scopes))
  if (!without) return
  throw invalidTarget(
    'No scope of a requested resource was granted or is authorized.',
    `no scope of ${quoted(without.uri)}`,
  )
}

/** The requested scopes that belong to the resources, and the resources that have one of these scopes. */
function narrowed(resources: readonly Resource[], requested: readonly string[]): Target {
  const scopes = scopesAt(resources, requested)
  if (scopes.length === 0) {
    throw new OAuthError('invalid_scope', 'No requested scope belongs to a requested resource.', {
      detail: `${quoted(formatScopes(requested))} is not of ${quoted(urisOf(resources).join(' '))}`,
    })
  }
  return { scopes, resources: resourcesWith(resources, scopes) }
}

/** A token has one format, so this function throws `invalid_target` for resources that want different formats. */
export function oneFormat(resources: readonly Resource[]): TokenFormat {
  const format = tokenFormatOf(resources)
  if (format !== null) return format
  throw invalidTarget(
    'The requested resources want access tokens of different formats: request a token for those of one format.',
    `${quoted(urisOf(resources).join(' '))} want different formats`,
  )
}

/** For a request without a code or refresh token. If the parameter is absent, they are the client's default resources. */
export function readTarget(fields: Fields, client: Client, policy: ScopePolicy): Target {
  const named = readResources(fields)
  const wanted = named.length > 0 ? named : client.defaultResources
  const resources = client.resources.filter(({ uri }) => wanted.includes(uri))
  const unknown = wanted.find((uri) => !resources.some((one) => one.uri === uri))
  if (unknown !== undefined) {
    throw invalidTarget(
      'A requested resource is not registered here.',
      `unknown ${quoted(unknown)}`,
    )
  }
  const unapproved = resources.find((one) => !mayName(client, one))
  if (unapproved) {
    throw invalidTarget(
      'The client registered itself and needs approval for a requested resource.',
      `${quoted(unapproved.uri)} needs approval of one of its scopes`,
    )
  }
  const requested = readRequestedScopes(fields, client.scopes, policy)
  if (resources.length === 0) return { scopes: requested, resources }
  requireScopes(named.length > 0 ? resources : [], client.scopes)
  return narrowed(resources, requested)
}

/** For a request with a code or refresh token, which may narrow what the user granted, and never widen it. */
export function readGrantedTarget(
  fields: Fields,
  client: Pick<Client, 'resources' | 'selfRegistered'>,
  granted: GrantedAudience & Readonly<{ user: Readonly<{ scopes: readonly string[] }> }>,
  policy: ScopePolicy,
): Target {
  const named = readResources(fields)
  const { scopes } = granted.user
  const requested = readRequestedScopes(fields, scopes, policy)
  const nameable = client.resources.filter((one) => mayName(client, one))
  const live = resourcesWith(grantedResources(nameable, granted), scopes)
  if (granted.audience.length > 0 && live.length === 0) {
    throw new OAuthError(
      'invalid_grant',
      'Every resource of this grant was deleted, or needs approval now.',
    )
  }
  const outside = named.find((uri) => !live.some((one) => one.uri === uri))
  if (outside !== undefined) {
    throw invalidTarget(
      'A requested resource is not covered by the grant.',
      `${quoted(outside)} is not covered by the grant`,
    )
  }
  if (live.length === 0) return { scopes: requested, resources: live }
  return narrowed(
    named.length > 0 ? live.filter(({ uri }) => named.includes(uri)) : live,
    requested,
  )
}
