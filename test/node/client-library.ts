/** The interface through which the tests use every client library. */

import { expect } from 'vitest'
import type { RegisteredClient } from './running-registry.ts'

export type Granted = Readonly<{
  accessToken: string
  scope: string
  expiresInSeconds: number
  refreshToken?: string
}>

export type CodeFlow = Readonly<{
  /** The authorization URL to which the client sends its user. */
  url: string
  /** Takes the URL of the callback, checks `state` and `iss`, and redeems the code with its verifier. */
  finish: (callback: URL) => Promise<Granted>
}>

export type ClientLibrary = Readonly<{
  clientCredentials: (client: RegisteredClient, scope: string) => Promise<Granted>
  /** With PKCE, S256. */
  startCodeFlow: (
    client: RegisteredClient,
    redirectUri: string,
    scope: string,
    /** Further parameters of the authorization request, if the library can send them. */
    more?: Readonly<Record<string, string>>,
  ) => Promise<CodeFlow>
  /** A request to a protected resource. */
  get: (url: string, accessToken: string) => Promise<Response>
  /** The registry's `error` in the exception of the library. */
  errorIn: (fault: unknown) => Promise<unknown>
}>

/** What only some libraries can do with tokens. */
export type TokenLibrary = ClientLibrary &
  Readonly<{
    /** Returns the scopes of the registry's metadata, when the library uses discovery. */
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

/** The checks that a library leaves to its caller: `state` (RFC 6749 §10.12) and `iss` (RFC 9207 §2.4). */
export function checkCallback(callback: URL, expected: { state: string; iss: string }) {
  for (const [name, value] of Object.entries(expected)) {
    if (callback.searchParams.get(name) !== value) throw new Error(`${name} is not ours`)
  }
}

/** The error code that the library reports. Fails if there is no error. */
export const errorWith = (library: ClientLibrary, work: Promise<unknown>) =>
  work.then(
    () => expect.fail('there was no error'),
    (fault: unknown) => library.errorIn(fault),
  )
