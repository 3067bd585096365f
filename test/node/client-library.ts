/** What a client library has to do with the registry, whichever library it is. */

import type { RegisteredClient } from './running-registry.ts'

export type Granted = Readonly<{
  accessToken: string
  scope: string
  expiresInSeconds: number
  refreshToken?: string
}>

export type CodeFlow = Readonly<{
  /** Where the client sends its user. */
  url: string
  /** With the callback's address: checks `state` and `iss`, then redeems the code with its verifier. */
  finish: (callback: URL) => Promise<Granted>
}>

export type ClientLibrary = Readonly<{
  clientCredentials: (client: RegisteredClient, scope: string) => Promise<Granted>
  /** With PKCE, S256. */
  startCodeFlow: (client: RegisteredClient, redirectUri: string, scope: string) => Promise<CodeFlow>
  /** A request to a protected resource. */
  get: (url: string, accessToken: string) => Promise<Response>
  /** Of what the library threw: the registry's `error`, as the library's user finds it. */
  errorIn: (fault: unknown) => Promise<unknown>
}>

/** What some libraries also do with tokens that they got. */
export type TokenLibrary = ClientLibrary &
  Readonly<{
    /** Answers the scopes of the registry's metadata, when the library discovers. */
    discover?: () => Promise<readonly string[]>
    refresh: (client: RegisteredClient, refreshToken: string, scope?: string) => Promise<Granted>
    revoke: (client: RegisteredClient, token: string, hint?: string) => Promise<void>
    introspect: (
      client: RegisteredClient,
      token: string,
    ) => Promise<Readonly<Record<string, unknown>>>
  }>

/** `registry` is its origin and issuer. */
export type MakeLibrary = (registry: string) => ClientLibrary
export type MakeTokenLibrary = (registry: string) => TokenLibrary

/** For what a library leaves to its user: RFC 6749 §10.12 wants `state` checked, RFC 9207 §2.4 `iss`. */
export function checkCallback(callback: URL, expected: { state: string; iss: string }) {
  for (const [name, value] of Object.entries(expected)) {
    if (callback.searchParams.get(name) !== value) throw new Error(`${name} is not ours`)
  }
}
