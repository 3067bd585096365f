/** Resources (RFC 8707): the services that tokens are for, their URIs, and the scopes that belong to them. */

import { holdsScope, meetScopes, readHierarchy, scopesOverlap } from './scope.ts'

export const MAX_RESOURCE_URI_LENGTH = 256
/** The limit bounds a request, and so the session record. */
export const MAX_RESOURCES = 10
/** The end of a sentence about a malformed URI. It has none of the characters that `error_description` must not have. */
export const RESOURCE_URI_RULE =
  'must be an absolute URI of at most 256 printable ASCII characters, without a user, a fragment, quotation marks and backslashes'
export const RESOURCE_TOKEN_SECONDS = 900

/** `jwt`: access tokens for the resource are signed (RFC 9068), and checked without a read of storage. */
export const TOKEN_FORMATS = ['opaque', 'jwt'] as const
export type TokenFormat = (typeof TOKEN_FORMATS)[number]
/** The default for signed tokens. It is short because a service that only verifies the signature sees no revocation. */
export const SIGNED_TOKEN_SECONDS = 600
export const defaultLifetimeOf = (format: TokenFormat) =>
  format === 'jwt' ? SIGNED_TOKEN_SECONDS : RESOURCE_TOKEN_SECONDS
/** The longest life of a signed token. The revocation of a single signed token is kept as long. */
export const MAX_SIGNED_TOKEN_SECONDS = 3600

const FORM = /^([a-z][a-z0-9+.-]*):(?:\/\/([^/?]*))?([^?]*)(\?.*)?$/i
type Parts = [
  whole: string,
  scheme: string,
  authority: string | undefined,
  path: string,
  query?: string,
]
const PRINTABLE = /^[!$-[\]-~]+$/
const DEFAULT_PORTS: Readonly<Record<string, string>> = { http: '80', https: '443' }

/** The port without leading zeros; empty for the scheme's default port. */
const portOf = (scheme: string, port: string) => {
  const number = port.replace(/^0+(?=\d)/, '')
  return number === '' || number === DEFAULT_PORTS[scheme] ? '' : `:${number}`
}

/**
 * The form in which URIs are stored and compared: scheme and host are in lower case, the scheme's default port is left out,
 * and the rest is unchanged. RFC 3986 §6.2.3: an empty path is `/`. Here the `/` is left out, because MCP and most operators
 * write it so. Null if the text is not the URI of a resource (RFC 8707 §2: absolute, without a fragment).
 */
export function canonicalResource(text: string): string | null {
  if (text !== last.text) last = { text, uri: canonical(text) }
  return last.uri
}

/** The last result is kept, because a request reads one URI several times, and the next request often reads the same one. */
let last: Readonly<{ text: string; uri: string | null }> = { text: '', uri: null }

function canonical(text: string): string | null {
  if (text.length > MAX_RESOURCE_URI_LENGTH || !PRINTABLE.test(text) || !URL.canParse(text)) {
    return null
  }
  // Every text that URL can parse has a scheme, and the form accepts any text after the scheme.
  const [, rawScheme, authority, path, query = ''] = FORM.exec(text) as unknown as Parts
  const scheme = rawScheme.toLowerCase()
  if (authority === undefined) {
    // A text such as `https:host` does not name the host that it seems to name.
    return path === '' || DEFAULT_PORTS[scheme] ? null : `${scheme}:${path}${query}`
  }
  const [, host = '', port = ''] = /^(\[[0-9a-f:.]+\]|[^@%:[\]]+):?(\d*)$/i.exec(authority) ?? []
  if (host === '') return null
  return `${scheme}://${host.toLowerCase()}${portOf(scheme, port)}${path === '/' ? '' : path}${query}`
}

export type Resource = Readonly<{
  /** The canonical URI. */
  uri: string
  name: string
  /** `domain:action` stands for itself and for the scope with any resource id. */
  scopes: readonly string[]
  /** At most `SESSION_LIFETIME_SECONDS`. */
  accessTokenLifetimeSeconds: number
  /** RFC 9449 §5.2: tokens for the resource are always bound to a key. */
  requireDpop: boolean
  requirePkce: boolean
  /** May clients that registered themselves get tokens for the resource without approval? */
  selfRegistered: boolean
  tokenFormat: TokenFormat
  /** Epoch milliseconds by D1's clock. An earlier grant is not for this resource, but for a deleted one with the same URI. */
  declaredAtMs: number
}>

export type ResourceFields = Omit<Resource, 'uri' | 'declaredAtMs'>
export type NewResource = Omit<Resource, 'declaredAtMs'>

/** A resource as its administrator sees it. Instants in epoch seconds. */
export type ResourceRecord = Resource &
  Readonly<{
    createdAt: number
    updatedAt: number
    /** Every act of an administrator raises the version. */
    version: number
  }>

export type GrantedAudience = Readonly<{
  /** URIs; empty for a grant that is bound to no resource. */
  audience: readonly string[]
  /** Epoch milliseconds by D1's clock: when the resources were read. */
  audienceReadAtMs: number
}>

export const NO_AUDIENCE: GrantedAudience = { audience: [], audienceReadAtMs: 0 }

/** If `d:a` belongs to a resource, so does `d:a` with any resource id. */
const withEveryId = (scope: string) =>
  readHierarchy(scope)?.resource === null ? `${scope}:*` : scope

/** The scopes that belong to one of the resources, in the narrower form. */
export const scopesAt = (
  resources: readonly Pick<Resource, 'scopes'>[],
  scopes: readonly string[],
) =>
  meetScopes(
    scopes,
    resources.flatMap((resource) => resource.scopes.map(withEveryId)),
  )

/** The scopes that a token for these resources may have; all scopes for a token that is bound to no resource. */
export const scopesFor = (resources: readonly Resource[], scopes: readonly string[]) =>
  resources.length === 0 ? scopes : scopesAt(resources, scopes)

/** Does the scope belong to the resource in every form? */
export const isScopeOf = ({ scopes }: Pick<Resource, 'scopes'>, scope: string) =>
  holdsScope(scopes.map(withEveryId), withEveryId(scope))

/** Would a token for the resource that was issued before this change be refused to a request after it? */
export const isNarrowed = (before: Resource, fields: Partial<ResourceFields>): boolean => {
  const after = { ...before, ...fields }
  const isScopeLost = !before.scopes.every((scope) => isScopeOf(after, scope))
  return isScopeLost || (after.requireDpop && !before.requireDpop)
}

/** Is any of the scopes, or a part of such a scope, a scope of the resource? */
export const hasScopeOf = (resource: Pick<Resource, 'scopes'>, scopes: readonly string[]) =>
  scopesOverlap(scopes, resource.scopes.map(withEveryId))

export const resourcesWith = (resources: readonly Resource[], scopes: readonly string[]) =>
  resources.filter((resource) => hasScopeOf(resource, scopes))

/** A client that registered itself may name only resources for such clients, or with a scope that an operator authorized. */
export const mayName = (
  {
    selfRegistered,
  }: Readonly<{ selfRegistered: Readonly<{ approvedScopes: readonly string[] }> | null }>,
  resource: Pick<Resource, 'selfRegistered' | 'scopes'>,
) =>
  selfRegistered === null ||
  resource.selfRegistered ||
  hasScopeOf(resource, selfRegistered.approvedScopes)

export const urisOf = (resources: readonly Pick<Resource, 'uri'>[]) =>
  resources.map(({ uri }) => uri)

/** Sorted and space-separated, so that equal sets are equal strings; '' for an empty set. */
export const formatResources = (uris: readonly string[]) => [...uris].sort().join(' ')

/** The resources of the grant, among those that were read. A resource that was deleted and declared again is not granted. */
export const grantedResources = (resources: readonly Resource[], granted: GrantedAudience) =>
  resources.filter(
    ({ uri, declaredAtMs }) =>
      granted.audience.includes(uri) && declaredAtMs <= granted.audienceReadAtMs,
  )

const lifetimeAt = ({ accessTokenLifetimeSeconds, tokenFormat }: Resource) =>
  tokenFormat === 'jwt'
    ? Math.min(accessTokenLifetimeSeconds, MAX_SIGNED_TOKEN_SECONDS)
    : accessTokenLifetimeSeconds

export const lifetimeFor = (resources: readonly Resource[], longestSeconds: number) =>
  Math.min(longestSeconds, ...resources.map(lifetimeAt))

/** The format of a token for these resources; null if their formats differ. A token for no resource is opaque. */
export function tokenFormatOf(
  resources: readonly Pick<Resource, 'tokenFormat'>[],
): TokenFormat | null {
  const [format = 'opaque', ...others] = new Set(resources.map(({ tokenFormat }) => tokenFormat))
  return others.length === 0 ? format : null
}
