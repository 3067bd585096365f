/**
 * What a client may register: its redirect URIs (RFC 6749 §3.1.2, RFC 8252 §7, RFC 9700 §4.1), and which fields must fit
 * together. Also how long clients that registered themselves are kept.
 */

import {
  type AuthMethod,
  type ClientFields,
  DEFAULT_AUTH_METHOD,
  type GrantType,
  NO_DETAILS,
} from './client.ts'
import { textOf } from './json-object.ts'
import { LOOPBACK_HOSTS } from './network.ts'

/** Schemes that browsers and operating systems use themselves. */
const TAKEN =
  'about blob chrome chrome-extension data dict facetime file filesystem ftp geo git gopher http https imap intent irc jar javascript ldap mailto moz-extension ms-settings news nntp resource rtsp sftp shell sip sms ssh tel telnet urn vbscript view-source ws wss'.split(
    ' ',
  )

/** A native scheme (RFC 8252 §7.1) without a dot: `cursor://…`. No rule says who owns it, so an operator must allow it. */
export const isPrivateUseScheme = (scheme: string) =>
  /^[a-z][a-z0-9+-]*$/.test(scheme) && !TAKEN.includes(scheme)

/** The scheme of a redirect URI that may be used only if the operator allowed the scheme; null for every other URI. */
export function schemeWithoutDot(uri: string): string | null {
  const [, scheme] = /^([a-z][a-z0-9+-]*):/i.exec(uri) ?? []
  return scheme === undefined || scheme === 'https' || scheme === 'http' ? null : scheme
}

const FORM = /^[a-z][a-z0-9+.-]*:[\x21-\x7e]+$/
export const MAX_REDIRECT_URI_LENGTH = 2000

/** The origin must have the form that browsers write, so that equal addresses are equal strings. */
function webAddressProblem(uri: string, url: URL): string | null {
  if (url.username || url.password || /^https?:\/\/[^/?]*@/.test(uri)) {
    return 'must not name a user or a password'
  }
  // No port may follow the origin: browsers leave out the default port of the scheme.
  if (!uri.startsWith(url.origin) || uri[url.origin.length] === ':') {
    return `must begin with its origin in normal form, ${url.origin}`
  }
  if (url.protocol === 'http:' && !LOOPBACK_HOSTS.includes(url.hostname)) {
    return 'must be https; http is for 127.0.0.1, [::1] and localhost only'
  }
  return null
}

/**
 * Why a client may not register this URI, as the end of a sentence that begins with the URI; null if the client may. RFC 8252
 * §7.1: a private-use scheme contains a dot. The registry allows such schemes only for public clients (native apps). A URI
 * whose scheme has no dot needs another URI besides it (`registrationProblem`).
 */
export function redirectUriProblem(uri: string, isPublic: boolean): string | null {
  if (uri.length > MAX_REDIRECT_URI_LENGTH)
    return `must not be longer than ${MAX_REDIRECT_URI_LENGTH} characters`
  if (!FORM.test(uri) || !URL.canParse(uri)) return 'must be an absolute URI in plain ASCII'
  if (uri.includes('#')) return 'must not have a fragment'
  if (uri.includes('*') || uri.includes('\\')) return 'must not have a wildcard or a backslash'
  const url = new URL(uri)
  if (url.protocol === 'https:' || url.protocol === 'http:') return webAddressProblem(uri, url)
  if (!url.protocol.includes('.') && !isPrivateUseScheme(url.protocol.slice(0, -1))) {
    return 'must be https, http on a loopback address, or a private-use scheme with a dot in it'
  }
  return isPublic ? null : 'has a private-use scheme, which is for the authentication method none'
}

/**
 * The redirect URIs that are stored for a client that registers itself: those that such a client may register, in their
 * order. Empty if the browser could be redirected to none of them. `allowed`: the schemes without a dot that may be used.
 */
export function usableRedirectUris(
  uris: readonly string[],
  { isPublic, allowed }: Readonly<{ isPublic: boolean; allowed: readonly string[] }>,
): readonly string[] {
  const kept = uris.filter((uri) => redirectUriProblem(uri, isPublic) === null)
  const isUsable = (uri: string) => {
    const scheme = schemeWithoutDot(uri)
    return scheme === null || allowed.includes(scheme)
  }
  return kept.some(isUsable) ? kept : []
}

/** Why `usableRedirectUris` returned none. The sentence quotes no URI, because a page may show it to others. */
export function noneUsable(uris: readonly string[], isPublic: boolean): string {
  const problem = redirectUriProblem(String(uris[0]), isPublic)
  const reason =
    problem === null
      ? 'https, http on a loopback address or a private-use scheme with a dot in it'
      : `the first ${problem}`
  return `{field} has none that can be used: ${reason}`
}

export type Registered = Readonly<{
  authMethod: AuthMethod
  /** JWK Set as JSON text, or null. */
  jwks: string | null
  /** '' if there is none. */
  jwksUri: string
  redirectUris: readonly string[]
  /** The grant types of the client, authorized or only requested. */
  grantTypes: readonly string[]
}>

const UNSAID: Omit<ClientFields, 'name' | 'ownerId'> = {
  ...NO_DETAILS,
  url: '',
  description: '',
  authMethod: DEFAULT_AUTH_METHOD,
  requirePkce: false,
  requireDpop: false,
  jwks: null,
  mayIntrospect: false,
  accessTokenLifetimeSeconds: null,
}

export const CLIENT_FIELD_NAMES: readonly string[] = ['name', 'ownerId', ...Object.keys(UNSAID)]

/** The fields that are given for a client, and for the others the value that a registration without them has. */
export const clientFields = (
  said: Pick<ClientFields, 'name' | 'ownerId'> & Partial<ClientFields>,
): ClientFields => ({ ...UNSAID, ...said })

export const grantTypesByDefault = (
  client: Pick<Registered, 'authMethod' | 'redirectUris'>,
): GrantType[] => [
  ...(client.authMethod === 'none' ? [] : (['client_credentials'] as const)),
  ...(client.redirectUris.length === 0 ? [] : (['authorization_code'] as const)),
]

/** A value inside a sentence, as JSON on one line. A placeholder in the value is not replaced. */
export const quote = (value: unknown) =>
  JSON.stringify(textOf(value)).replace(/\{(?=(?:field|empty)\})/g, '\\u007b')

const MOST_NAMED = 5

/** Says for up to five URIs why a client may not register them; null if it may register all. */
export function wrongRedirectUris(uris: readonly string[], isPublic: boolean): string | null {
  const sentences = uris.flatMap((uri) => {
    const problem = redirectUriProblem(uri, isPublic)
    return problem === null ? [] : [`redirect URI ${quote(uri)} ${problem}`]
  })
  return sentences.slice(0, MOST_NAMED).join('; ') || null
}

/** `field` is the field to correct, in snake_case. `sentence` has `{field}` in the place of the field's name. */
type RegistrationProblem = Readonly<{ field: string; sentence: string }>

/** Why this cannot be registered, as a sentence without a full stop; null if it can. */
export function registrationProblem(client: Registered): RegistrationProblem | null {
  const isPublic = client.authMethod === 'none'
  const needsKeys = client.authMethod === 'private_key_jwt'
  if (needsKeys && client.jwks === null && client.jwksUri === '') {
    const sentence = 'the authentication method private_key_jwt needs a JWK Set: {field}'
    return { field: 'jwks', sentence }
  }
  if (!needsKeys && (client.jwks !== null || client.jwksUri !== '')) {
    const sentence = 'a JWK Set is for the authentication method private_key_jwt alone'
    return { field: client.jwks === null ? 'jwks_uri' : 'jwks', sentence }
  }
  const wrong = wrongRedirectUris(client.redirectUris, isPublic)
  if (wrong !== null) return { field: 'redirect_uris', sentence: wrong }
  const [dotless] = client.redirectUris
  if (dotless !== undefined && client.redirectUris.every((uri) => schemeWithoutDot(uri) !== null)) {
    const sentence = `redirect URI ${quote(dotless)} has a scheme without a dot, which may be refused: register another one beside it, with https, http on a loopback address, or a scheme with a dot in it`
    return { field: 'redirect_uris', sentence }
  }
  if (client.grantTypes.includes('authorization_code') && client.redirectUris.length === 0) {
    const sentence = 'the grant type authorization_code needs a redirect URI'
    return { field: 'redirect_uris', sentence }
  }
  if (isPublic && client.grantTypes.includes('client_credentials')) {
    const sentence =
      'the grant type client_credentials needs a client that keeps a secret, not the authentication method none'
    return { field: 'grant_types', sentence }
  }
  return null
}

export const REGISTRATION_MODES = ['off', 'token', 'open'] as const
/** Who may register a client: no caller, callers with an access token for it, or every caller. */
export type RegistrationMode = (typeof REGISTRATION_MODES)[number]

/** The limit of a network is for one hour from its first registration; the limit of the whole registry is for a day. */
export const REGISTRATION_HOUR_SECONDS = 3600
/** A registration can be a duplicate of another within this time, too. */
export const REGISTRATION_DAY_SECONDS = 86_400

const DAY_SECONDS = 86_400
/** A client that never got a token is deleted after this time. */
export const KEEP_NEVER_USED_SECONDS = 3 * DAY_SECONDS
/** A client that got no token for this time is disabled. */
export const DISABLE_UNUSED_SECONDS = 90 * DAY_SECONDS
/** A disabled unused client is deleted this long after it was disabled. */
export const DELETE_UNUSED_SECONDS = 30 * DAY_SECONDS
