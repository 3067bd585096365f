/** The form that registers or edits a client: what was typed, what it means, and all problems. */

import type { ClientRecord } from '../../domain/client.ts'
import {
  CLIENT_KINDS,
  type ClientKind,
  FOLLOWS_FROM,
  isClientKind,
} from '../../domain/client-kind.ts'
import { registrationProblem, wrongRedirectUris } from '../../domain/registration.ts'
import type { GivenKeys } from '../../flows/registration/own-credentials.ts'
import { CLIENT_LABELS } from '../../pages/portal/client-form-page.tsx'
import { CLIENT_FIELDS, CLIENT_LISTS } from '../../protocol/registration/client-fields.ts'
import { invalid } from '../../protocol/registration/errors.ts'
import { requireValid, snakeCase } from '../../protocol/registration/field.ts'
import { requireAll } from './attempt.ts'
import { givenKeysIn } from './key-form.ts'

export type Typed = Readonly<Record<keyof typeof CLIENT_LABELS, string>>

const typedBy = (textOf: (name: keyof Typed) => string) =>
  Object.fromEntries(
    (Object.keys(CLIENT_LABELS) as (keyof Typed)[]).map((name) => [name, textOf(name)]),
  ) as Typed

export const NOTHING_TYPED = typedBy(() => '')

/** Each of these is a text of the client; in the form it has this name in snake_case. */
const TEXTS = ['name', 'url', 'description', 'logoUri'] as const

type ClientForm = Readonly<{
  kind: ClientKind
  fields: Readonly<Record<(typeof TEXTS)[number], string>>
  redirectUris: readonly string[]
  keys: GivenKeys | null
}>

export const typedOf = (client: ClientRecord): Typed => ({
  ...NOTHING_TYPED,
  ...Object.fromEntries(TEXTS.map((name) => [snakeCase(name), client[name]])),
  redirect_uris: client.redirectUris.join('\n'),
})

/** The fields of a sent form. A browser sends line breaks as CRLF. */
export const typedIn = (form: URLSearchParams): Typed =>
  typedBy((name) => {
    const text = (form.get(name) ?? '').replace(/\r\n?/g, '\n')
    return name === 'redirect_uris' ? text : text.trim()
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

function requireRedirectUris(text: string, kind: ClientKind | null) {
  const redirectUris = linesOf(text)
  requireValid(CLIENT_LISTS.redirectUris.schema, redirectUris, 'redirect_uris')
  if (redirectUris.length > MAX_REDIRECT_URIS) {
    throw invalid(`{field} must not have more than ${MAX_REDIRECT_URIS} lines`, 'redirect_uris')
  }
  if (kind === null) {
    // The check is as for a kind of client that may have every scheme.
    const wrong = wrongRedirectUris(redirectUris, true)
    if (wrong === null) return
    throw invalid(wrong, 'redirect_uris')
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

/** `asksForKind`: the form asks for the kind and for keys. */
type Asked = Readonly<{ asksForKind: boolean; issuer: string }>

/** Throws `FormErrors`. */
export function readClientForm(typed: Typed, { asksForKind, issuer }: Asked): ClientForm {
  const kind = isClientKind(typed.kind) ? typed.kind : null
  const fields = Object.fromEntries(
    TEXTS.map((name) => [name, typed[snakeCase(name) as keyof Typed]]),
  ) as ClientForm['fields']
  requireAll([
    ...TEXTS.map(
      (name) => () => requireValid(CLIENT_FIELDS[name].schema, fields[name], snakeCase(name)),
    ),
    () => {
      if (asksForKind && kind === null) throw invalid('choose what the client is', 'kind')
    },
    () => requireRedirectUris(typed.redirect_uris, asksForKind ? kind : null),
    () => givenKeysIn(typed, issuer),
  ])
  return {
    kind: kind ?? CLIENT_KINDS[0],
    fields,
    redirectUris: linesOf(typed.redirect_uris),
    keys: asksForKind ? givenKeysIn(typed, issuer) : null,
  }
}
