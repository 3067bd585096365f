/** The form that registers or edits a client: what was typed, what it means, and every problem. */

import type { ClientRecord } from '../../domain/client.ts'
import {
  CLIENT_KINDS,
  type ClientKind,
  FOLLOWS_FROM,
  isClientKind,
} from '../../domain/client-kind.ts'
import { quote, redirectUriProblem, registrationProblem } from '../../domain/registration.ts'
import type { GivenKeys } from '../../flows/registration/own-credentials.ts'
import { CLIENT_FIELDS, CLIENT_LISTS } from '../../protocol/registration/client-fields.ts'
import { requireValid } from '../../protocol/registration/field.ts'
import { invalid, requireAll } from './attempt.ts'
import { givenKeysIn, KEY_LABELS, typedKeysIn } from './key-form.ts'

/** As the page names the fields. */
export const LABELS = {
  name: 'Name',
  url: 'Web page',
  description: 'Description',
  logo_uri: 'Logo',
  redirect_uris: 'Redirect URIs',
  kind: 'Kind',
  ...KEY_LABELS,
} as const

/** As typed. */
export type Typed = Readonly<Record<keyof typeof LABELS, string>>

export const NOTHING_TYPED: Typed = {
  name: '',
  url: '',
  description: '',
  logo_uri: '',
  redirect_uris: '',
  kind: '',
  jwks: '',
  jwks_uri: '',
}

type ClientForm = Readonly<{
  kind: ClientKind
  fields: Readonly<{ name: string; url: string; description: string; logoUri: string }>
  redirectUris: readonly string[]
  keys: GivenKeys | null
}>

/** What the form that edits a client begins with. */
export const typedOf = (client: ClientRecord): Typed => ({
  ...NOTHING_TYPED,
  name: client.name,
  url: client.url,
  description: client.description,
  logo_uri: client.logoUri,
  redirect_uris: client.redirectUris.join('\n'),
})

/** A browser sends line breaks as CRLF. */
const textIn = (form: URLSearchParams, name: string) =>
  (form.get(name) ?? '').replace(/\r\n?/g, '\n')

export const typedIn = (form: URLSearchParams): Typed => ({
  name: textIn(form, 'name').trim(),
  url: textIn(form, 'url').trim(),
  description: textIn(form, 'description').trim(),
  logo_uri: textIn(form, 'logo_uri').trim(),
  redirect_uris: textIn(form, 'redirect_uris'),
  kind: textIn(form, 'kind'),
  ...typedKeysIn(form),
})

const linesOf = (text: string) => [
  ...new Set(
    text
      .split('\n')
      .map((line) => line.trim())
      .filter(Boolean),
  ),
]

const MAX_REDIRECT_URIS = 50

const CHECKS = {
  name: CLIENT_FIELDS.name.schema,
  url: CLIENT_FIELDS.url.schema,
  description: CLIENT_FIELDS.description.schema,
  logo_uri: CLIENT_FIELDS.logoUri.schema,
}

function requireRedirectUris(text: string, kind: ClientKind | null) {
  const redirectUris = linesOf(text)
  requireValid(CLIENT_LISTS.redirectUris.schema, redirectUris, 'redirect_uris')
  if (redirectUris.length > MAX_REDIRECT_URIS) {
    throw invalid(`{field} must not have more than ${MAX_REDIRECT_URIS} lines`, 'redirect_uris')
  }
  if (kind === null) {
    // A kind that may have every scheme.
    for (const uri of redirectUris) {
      const problem = redirectUriProblem(uri, true)
      if (problem) throw invalid(`redirect URI ${quote(uri)} ${problem}`, 'redirect_uris')
    }
    return
  }
  const { authMethod, grantTypes, hasRedirectUris } = FOLLOWS_FROM[kind]
  if (!hasRedirectUris) {
    if (redirectUris.length === 0) return
    throw invalid('{field} must be empty for this kind', 'redirect_uris')
  }
  const keys = { jwks: null, jwksUri: '' }
  const problem = registrationProblem({ authMethod, ...keys, redirectUris, grantTypes })
  if (problem) throw invalid(problem.sentence, problem.field)
}

/** `asksForKind`: also for keys. */
type Asked = Readonly<{ asksForKind: boolean; issuer: string }>

/** Throws `FormErrors`. */
export function readClientForm(typed: Typed, { asksForKind, issuer }: Asked): ClientForm {
  const kind = isClientKind(typed.kind) ? typed.kind : null
  requireAll([
    ...Object.entries(CHECKS).map(
      ([name, schema]) =>
        () =>
          requireValid(schema, typed[name as keyof typeof CHECKS], name),
    ),
    () => {
      if (asksForKind && kind === null) throw invalid('choose what the client is', 'kind')
    },
    () => requireRedirectUris(typed.redirect_uris, asksForKind ? kind : null),
    () => givenKeysIn(typed, issuer),
  ])
  const { name, url, description, logo_uri: logoUri } = typed
  return {
    kind: kind ?? CLIENT_KINDS[0],
    fields: { name, url, description, logoUri },
    redirectUris: linesOf(typed.redirect_uris),
    keys: asksForKind ? givenKeysIn(typed, issuer) : null,
  }
}
