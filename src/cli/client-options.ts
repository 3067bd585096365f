/** The options that describe a client, and what they mean. */

import type { Command } from 'commander'
import { AUTH_METHODS, GRANT_TYPES, type GrantType } from '../domain/client.ts'
import type { ClientChanges } from '../stores/client-registry.ts'
import {
  checkAccessTokenLifetime,
  checkAuthMethod,
  checkEndorsement,
  checkGrantType,
  checkScope,
  checkText,
  checkUrl,
} from './checks.ts'
import { listOption } from './verb.ts'

export type FieldOptions = Readonly<{
  name?: string
  owner?: string
  url?: string
  description?: string
  authMethod?: string
  requirePkce?: boolean
  requireDpop?: boolean
  mayIntrospect?: boolean
  accessTokenLifetimeSeconds?: string
}>
export type ListOptions = Readonly<{
  redirectUri?: readonly string[]
  grantType?: readonly string[]
  scope?: readonly string[]
  endorsement?: readonly string[]
}>

export const addFieldOptions = (command: Command) =>
  command
    .option('--url <url>', "the client's own page, http or https, shown to users")
    .option('--description <text>', 'what the client is for, shown to users')
    .option(
      '--auth-method <method>',
      `how it authenticates: ${AUTH_METHODS.join(', ')}. client_secret, the default of create, takes the secret by ` +
        'HTTP Basic or in the body, client_secret_basic and client_secret_post in that one way alone; none is for a ' +
        'client that keeps no secret',
    )
    .option('--require-pkce', 'refuse its authorization requests without PKCE')
    .option(
      '--jwks <json>',
      'its public keys, a JWK Set: for private_key_jwt alone, which cannot do without. Keys of other types or for ' +
        'other uses are left out',
    )
    .option('--jwks-file <file>', 'the same, read from a file')
    .option('--require-dpop', 'refuse its token requests without a DPoP proof (RFC 9449)')
    .option('--may-introspect', 'let it ask about the tokens of others')
    .option(
      '--access-token-lifetime-seconds <n>',
      'how long its access tokens live, from now on: 60 or more, and never longer than SESSION_LIFETIME_SECONDS; ' +
        '"" for exactly that',
    )

export const addRedirectUriOption = (command: Command) =>
  command.addOption(
    listOption(
      '--redirect-uri <uri>',
      'where users are sent back to: https, or http on a loopback address',
    ),
  )

export const addPermissionOptions = (command: Command) =>
  command
    .addOption(listOption('--grant-type <type>', `a grant it may use: ${GRANT_TYPES.join(', ')}`))
    .addOption(listOption('--scope <scope>', 'a scope, domain:action or domain:action:resource'))
    .addOption(
      listOption(
        '--endorsement <category>',
        'a category (cs.DL), an archive (cs.*) or *.*; one that another covers is dropped',
      ),
    )

/** Only what was given. */
export const readFields = (options: FieldOptions): ClientChanges => ({
  ...(options.name !== undefined && { name: checkText('--name', options.name) }),
  ...(options.owner !== undefined && { ownerId: checkText('--owner', options.owner) }),
  ...(options.url !== undefined && { url: checkUrl('--url', options.url) }),
  ...(options.description !== undefined && { description: options.description }),
  ...(options.authMethod !== undefined && { authMethod: checkAuthMethod(options.authMethod) }),
  ...(options.requirePkce !== undefined && { requirePkce: options.requirePkce }),
  ...(options.requireDpop !== undefined && { requireDpop: options.requireDpop }),
  ...(options.mayIntrospect !== undefined && { mayIntrospect: options.mayIntrospect }),
  ...(options.accessTokenLifetimeSeconds !== undefined && {
    accessTokenLifetimeSeconds: checkAccessTokenLifetime(
      '--access-token-lifetime-seconds',
      options.accessTokenLifetimeSeconds,
    ),
  }),
})

export type Lists = Readonly<{
  redirectUris?: readonly string[]
  grantTypes?: readonly GrantType[]
  scopes?: readonly string[]
  endorsements?: readonly string[]
}>

/** Only what was given. The redirect URIs are checked with the whole registration. */
export const readLists = (options: ListOptions): Lists => ({
  ...(options.redirectUri && { redirectUris: options.redirectUri }),
  ...(options.grantType && { grantTypes: options.grantType.map(checkGrantType) }),
  ...(options.scope && { scopes: options.scope.map(checkScope) }),
  ...(options.endorsement && { endorsements: options.endorsement.map(checkEndorsement) }),
})

/** Is what is listed given at once, or only noted as a wish? */
export type Mode = 'authorize' | 'request'
