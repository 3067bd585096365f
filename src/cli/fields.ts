/** What is kept of a client and of a user. Each field is described once: option, check, document word, audit word. */

import { type Command, Option } from 'commander'
import { AUTH_METHODS, DEFAULT_AUTH_METHOD, GRANT_TYPES } from '../domain/client.ts'
import type { ClientFields, ClientLists } from '../stores/client-registry.ts'
import type { PermissionLists } from '../stores/permission-rows.ts'
import type { UserChanges, UserLists } from '../stores/user-changes.ts'
import {
  checkAccessTokenLifetime,
  checkAuthMethod,
  checkEmail,
  checkEndorsement,
  checkGrantType,
  checkScope,
  checkText,
  checkUrl,
  checkUsername,
} from './checks.ts'
import { listOption } from './verb.ts'

type Field<T> = Readonly<{
  /** As Commander takes them: `--owner <id>`. */
  flags: string
  help: string
  /** The value to keep of what was typed. Throws a Refusal. */
  read: (typed: never, option: string) => T
  isList?: true
  /** `create` needs the option. */
  isRequired?: true
  /** What `create` keeps without the option. */
  initial?: T
  /** The help of `--no-…`, an option of `update`. */
  off?: string
  /** What documents and the audit show; the value itself where this is missing. */
  inDocument?: (value: T) => unknown
  inAudit?: (value: T) => unknown
}>
export type Fields<T> = { readonly [name in keyof T]: Field<T[name]> }

const asTyped = <T>(typed: T) => typed

const list = <T extends string>(flags: string, help: string, check: (text: string) => T) => ({
  flags,
  help,
  isList: true as const,
  read: (typed: readonly string[]) => typed.map((one) => check(one)),
})

const flag = (flags: string, help: string, off: string) => ({
  flags,
  help,
  off,
  initial: false,
  read: asTyped,
})

const ENDORSEMENTS = list(
  '--endorsement <category>',
  'a category (cs.DL), an archive (cs.*) or *.*; one that another covers is dropped',
  checkEndorsement,
)

export const CLIENT_FIELDS: Fields<ClientFields> = {
  name: {
    flags: '--name <name>',
    help: 'what users know it by',
    isRequired: true,
    read: checkText,
  },
  ownerId: {
    flags: '--owner <id>',
    help: 'whose client it is: an id of your choice',
    isRequired: true,
    read: checkText,
  },
  url: {
    flags: '--url <url>',
    help: "the client's own page, http or https, shown to users",
    initial: '',
    read: checkUrl,
  },
  description: {
    flags: '--description <text>',
    help: 'what the client is for, shown to users',
    initial: '',
    read: asTyped,
  },
  authMethod: {
    flags: '--auth-method <method>',
    help:
      `how it authenticates: ${AUTH_METHODS.join(', ')}. client_secret, the default of create, takes the secret by ` +
      'HTTP Basic or in the body; client_secret_basic and client_secret_post take it in that way only; none is ' +
      'for a client that keeps no secret',
    initial: DEFAULT_AUTH_METHOD,
    read: checkAuthMethod,
  },
  jwks: {
    flags: '--jwks <json>',
    help:
      'its public keys, a JWK Set: needed by private_key_jwt, and by no other method. Keys of other types or for ' +
      'other uses are left out',
    initial: null,
    read: asTyped,
    inDocument: (keySet) => (keySet === null ? null : (JSON.parse(keySet) as object)),
    // A JWK Set is long.
    inAudit: (keySet) => (keySet === null ? undefined : 'replaced'),
  },
  requirePkce: flag(
    '--require-pkce',
    'refuse its authorization requests without PKCE',
    'accept its authorization requests without PKCE',
  ),
  requireDpop: flag(
    '--require-dpop',
    'refuse its token requests without a DPoP proof (RFC 9449)',
    'accept its token requests without a DPoP proof',
  ),
  mayIntrospect: flag(
    '--may-introspect',
    'let it ask about the tokens of others',
    'do not let it ask about the tokens of others',
  ),
  accessTokenLifetimeSeconds: {
    flags: '--access-token-lifetime-seconds <n>',
    help:
      'how long its access tokens live, from now on: 60 or more, and never longer than SESSION_LIFETIME_SECONDS; ' +
      '"" for exactly that',
    initial: null,
    read: checkAccessTokenLifetime,
  },
}

/** What `authorize` gives a client and `withdraw` takes from it. */
export const CLIENT_PERMISSIONS: Fields<Required<PermissionLists>> = {
  grantTypes: list(
    '--grant-type <type>',
    `a grant it may use: ${GRANT_TYPES.join(', ')}`,
    checkGrantType,
  ),
  scopes: list(
    '--scope <scope>',
    'a scope (RFC 6749): read, or domain:action or domain:action:resource, which have a hierarchy',
    checkScope,
  ),
  endorsements: ENDORSEMENTS,
}

export const CLIENT_LISTS: Fields<Required<ClientLists>> = {
  // The registration checks them as a whole.
  redirectUris: list(
    '--redirect-uri <uri>',
    'where users are sent back to: https, or http on a loopback address',
    asTyped,
  ),
  ...CLIENT_PERMISSIONS,
}

export const USER_FIELDS: Fields<Required<UserChanges>> = {
  username: {
    flags: '--username <name>',
    help: 'what the user signs in with: one name in every case and Unicode form',
    isRequired: true,
    read: checkUsername,
  },
  email: {
    flags: '--email <address>',
    help: "the user's e-mail address",
    isRequired: true,
    read: checkEmail,
    // The audit outlives the user, and keeps no e-mail address.
    inAudit: () => 'replaced',
  },
}

export const USER_LISTS: Fields<Required<UserLists>> = {
  scopes: list('--scope <scope>', 'what a client may obtain for this user', checkScope),
  endorsements: ENDORSEMENTS,
}

const entriesOf = <T>(fields: Fields<T>) =>
  Object.entries(fields) as readonly (readonly [string, Field<unknown>])[]

export function addOptions<T>(command: Command, fields: Fields<T>, isCreate = false): Command {
  for (const [, { flags, help, isList, isRequired = false, off }] of entriesOf(fields)) {
    const option = isList ? listOption(flags, help) : new Option(flags, help)
    command.addOption(option.makeOptionMandatory(isCreate && isRequired))
    if (off && !isCreate) command.option(flags.replace('--', '--no-'), off)
  }
  return command
}

const nameOf = ({ flags }: Field<unknown>) => flags.replace(/ .*/, '')

/** Only what was given. Throws a Refusal. */
export const readGiven = <T>(
  fields: Fields<T>,
  options: Readonly<Record<string, unknown>>,
): Partial<T> =>
  Object.fromEntries(
    entriesOf(fields).flatMap(([name, field]) => {
      const typed = options[new Option(field.flags).attributeName()]
      return typed === undefined ? [] : [[name, field.read(typed as never, nameOf(field))]]
    }),
  ) as Partial<T>

/** What a new record has where nothing was given. */
export const initialOf = <T>(fields: Fields<T>): Partial<T> =>
  Object.fromEntries(
    entriesOf(fields).flatMap(([name, { initial }]) =>
      initial === undefined ? [] : [[name, initial]],
    ),
  ) as Partial<T>

const snakeCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** The fields that `record` has, in snake_case, as a document or the audit shows them. No other field of it is shown. */
export const shown = <T>(
  where: 'inDocument' | 'inAudit',
  fields: Fields<T>,
  record: Partial<T>,
): Record<string, unknown> => {
  const values = new Map(Object.entries(record))
  return Object.fromEntries(
    entriesOf(fields)
      .filter(([name]) => values.has(name))
      .map(([name, { [where]: show = asTyped }]) => [snakeCase(name), show(values.get(name))]),
  )
}
