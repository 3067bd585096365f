/**
 * A client metadata document (Client ID Metadata Document §4): the members of RFC 7591 §2 that are used here. Drafts -00 and
 * -02 differ in `token_endpoint_auth_methods_supported`, and both spellings are understood. Other members are ignored.
 */

import { type AuthMethod, GRANT_TYPES, type GrantType, NO_DETAILS } from '../../domain/client.ts'
import { isOnThisMachine } from '../../domain/network.ts'
import { isScope, splitScopes } from '../../domain/scope.ts'
import { type JsonProblem, parseJson } from '../strict-json.ts'
import type { ClientMetadata } from './client-metadata.ts'
import { RegistrationError } from './errors.ts'

/** Control, format (which direction, which joins), private-use and unassigned characters, and half surrogate pairs. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]/gu
/** A letter with more marks than any language uses would cover the lines around it. */
const PILED_MARKS = /(\p{M}{3})\p{M}+/gu

/** Text that a stranger wrote and people read: in Unicode's composed form, on one line, with single spaces. May be empty. */
export const cleanText = (text: string) =>
  text
    .normalize('NFC')
    .replace(/\s+/gu, ' ')
    .replace(UNSEEN, '')
    .replace(PILED_MARKS, '$1')
    .replace(/ {2,}/g, ' ')
    .trim()

export const MAX_DOCUMENT_BYTES = 5 * 1024
const MAX_NAME_LENGTH = 100
const MAX_URIS = 30
const MAX_SCOPES = 50

/** Registration decides which redirect URIs can be used. The document never has both `jwks` and a `jwksUri`. */
export type MetadataDocument = ClientMetadata &
  Readonly<{ authMethod: Extract<AuthMethod, 'none' | 'private_key_jwt'> }>

type Members = Readonly<Record<string, unknown>>

const invalid = (field: string, sentence: string): never => {
  throw new RegistrationError('invalid', sentence, field)
}

/** Undefined if the document does not have the member, or has null for it (RFC 7591 §2.2 has no null). */
const memberOf = (members: Members, name: string): unknown =>
  Object.hasOwn(members, name) ? (members[name] ?? undefined) : undefined

function textOf(members: Members, name: string): string | undefined {
  const value = memberOf(members, name)
  if (value === undefined || typeof value === 'string') return value
  return invalid(name, '{field} must be a text')
}

function listOf(members: Members, name: string, longest: number): readonly string[] | undefined {
  const value = memberOf(members, name)
  if (value === undefined) return undefined
  if (!Array.isArray(value) || !value.every((one) => typeof one === 'string')) {
    return invalid(name, '{field} must be a list of texts')
  }
  if (value.length > longest) invalid(name, `{field} must not have more than ${longest} values`)
  return [...new Set(value as string[])]
}

function nameIn(members: Members): string {
  const name = cleanText(textOf(members, 'client_name') ?? '')
  if (name === '') invalid('client_name', '{field} is missing')
  if (name.length > MAX_NAME_LENGTH) {
    invalid('client_name', `{field} must not have more than ${MAX_NAME_LENGTH} characters`)
  }
  return name
}

const isSymmetric = (method: string) => method.startsWith('client_secret')

/** §4.1: the author of a document and the registry have never agreed on a shared secret. */
function refuseSharedSecrets(members: Members, methods: readonly string[]) {
  for (const name of ['client_secret', 'client_secret_expires_at']) {
    if (Object.hasOwn(members, name)) invalid(name, '{field} must not be in a document')
  }
  if (methods.some(isSymmetric)) {
    const field = 'token_endpoint_auth_method'
    invalid(field, '{field} must not be a method with a shared secret')
  }
}

/** §6.2: a client that publishes keys MUST be authenticated with them. */
function authMethodIn(members: Members, hasKeys: boolean): MetadataDocument['authMethod'] {
  const field = 'token_endpoint_auth_method'
  const preferred = textOf(members, field)
  const methods = [
    ...(preferred === undefined ? [] : [preferred]),
    ...(listOf(members, 'token_endpoint_auth_methods_supported', MAX_URIS) ?? []),
  ]
  refuseSharedSecrets(members, methods)
  if (hasKeys) return 'private_key_jwt'
  if (methods.length === 0 || methods.includes('none')) return 'none'
  return methods.includes('private_key_jwt')
    ? invalid('jwks', 'private_key_jwt needs jwks or jwks_uri')
    : invalid(field, '{field} must be none or private_key_jwt')
}

function keysIn(members: Members) {
  const jwks = memberOf(members, 'jwks')
  const jwksUri = textOf(members, 'jwks_uri')
  if (jwks !== undefined && jwksUri !== undefined) {
    invalid('jwks_uri', '{field} must not be given together with jwks')
  }
  if (jwks !== undefined && (typeof jwks !== 'object' || Array.isArray(jwks))) {
    invalid('jwks', '{field} must be a JWK Set: an object with an array of keys')
  }
  return { jwks: jwks === undefined ? null : JSON.stringify(jwks), jwksUri }
}

/** The addresses are only shown to people, so those of no web page are left out. A local document may name local pages. */
const webPagesIn = (members: Members, clientId: string) => (name: string) => {
  const text = textOf(members, name) ?? ''
  const isWebPage = text.length <= 2000 && /^https?:\/\/[!-~]+$/.test(text) && URL.canParse(text)
  const isSecure =
    text.startsWith('https:') || (isWebPage && [text, clientId].every(isOnThisMachine))
  return isWebPage && isSecure ? text : ''
}

const shortText = (members: Members, name: string) =>
  cleanText(textOf(members, name) ?? '').slice(0, MAX_NAME_LENGTH)

function scopesIn(members: Members): readonly string[] | null {
  const text = textOf(members, 'scope')
  if (text === undefined) return null
  const scopes = splitScopes(text)
  if (!scopes.every(isScope)) invalid('scope', '{field} must be a list of scopes')
  if (scopes.length > MAX_SCOPES) {
    invalid('scope', `{field} must not have more than ${MAX_SCOPES} values`)
  }
  return scopes
}

/** RFC 7591 §2: without the member the only grant type is `authorization_code`. Other grants do not exist here. */
function grantTypesIn(members: Members): readonly GrantType[] {
  const given = listOf(members, 'grant_types', MAX_URIS) ?? ['authorization_code']
  return GRANT_TYPES.filter((one) => given.includes(one))
}

function applicationTypeIn(members: Members) {
  const given = textOf(members, 'application_type')
  return given === 'web' || given === 'native' ? given : NO_DETAILS.applicationType
}

function membersIn(bytes: Uint8Array): Members {
  let value: unknown
  try {
    value = parseJson(bytes)
  } catch (problem) {
    const { field, message } = problem as JsonProblem
    throw new RegistrationError('invalid', `${field || 'the document'} ${message}`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new RegistrationError('invalid', 'the document must be a JSON object')
  }
  return value as Members
}

/** Throws a RegistrationError that names the member. `clientId` is the address that the document was fetched from. */
export function readMetadataDocument(bytes: Uint8Array, clientId: string): MetadataDocument {
  const members = membersIn(bytes)
  // RFC 3986 §6.2.1: the addresses are compared as texts. Otherwise a document could speak for another one.
  if (memberOf(members, 'client_id') !== clientId) {
    invalid('client_id', '{field} must be the address of the document')
  }
  const { jwks, jwksUri } = keysIn(members)
  const redirectUris = listOf(members, 'redirect_uris', MAX_URIS) ?? []
  if (redirectUris.length === 0) invalid('redirect_uris', '{field} is missing')
  const webPage = webPagesIn(members, clientId)
  return {
    name: nameIn(members),
    redirectUris,
    authMethod: authMethodIn(members, jwks !== null || jwksUri !== undefined),
    jwks,
    grantTypes: grantTypesIn(members),
    scopes: scopesIn(members),
    requireDpop: memberOf(members, 'dpop_bound_access_tokens') === true,
    url: webPage('client_uri'),
    details: {
      logoUri: webPage('logo_uri'),
      tosUri: webPage('tos_uri'),
      policyUri: webPage('policy_uri'),
      softwareId: shortText(members, 'software_id'),
      softwareVersion: shortText(members, 'software_version'),
      contacts: (listOf(members, 'contacts', MAX_URIS) ?? []).map(cleanText).filter(Boolean),
      applicationType: applicationTypeIn(members),
      jwksUri: jwksUri ?? '',
    },
  }
}
