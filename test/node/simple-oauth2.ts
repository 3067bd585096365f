/** A client of the registry with simple-oauth2, which leaves PKCE, `state` and the callback to the caller. */

import { createHash, randomBytes } from 'node:crypto'
import { type AccessToken, AuthorizationCode, ClientCredentials } from 'simple-oauth2'
import { checkCallback, type Granted, type MakeLibrary } from './client-library.ts'
import type { RegisteredClient } from './running-registry.ts'

const HEADER = 'header' as const
const BODY = 'body' as const

const randomText = () => randomBytes(32).toString('base64url')

/** The caller of the library throws this error if the callback has one. */
class CallbackError extends Error {
  readonly error: string
  constructor(error: string) {
    super(error)
    this.error = error
  }
}

const granted = (answer: AccessToken): Granted => {
  if (answer.expired()) throw new Error('the token has expired before it was used')
  const { access_token, scope, expires_in } = answer.token
  return { accessToken: access_token, scope, expiresInSeconds: expires_in }
}

export const simpleOauth2: MakeLibrary = (registry) => {
  const optionsFor = ({ id, secret, method }: RegisteredClient) => ({
    client: { id, secret },
    auth: { tokenHost: registry, tokenPath: '/token' },
    options: {
      authorizationMethod: method === 'client_secret_basic' ? HEADER : BODY,
    },
  })
  return {
    clientCredentials: async (client, scope) =>
      granted(await new ClientCredentials(optionsFor(client)).getToken({ scope })),
    async startCodeFlow(client, redirectUri, scope) {
      const options = optionsFor(client)
      const flow = new AuthorizationCode({
        ...options,
        auth: { ...options.auth, authorizePath: '/authorize' },
      })
      const state = randomText()
      const verifier = randomText()
      return {
        url: flow.authorizeURL({
          redirect_uri: redirectUri,
          scope,
          state,
          code_challenge: createHash('sha256').update(verifier).digest('base64url'),
          code_challenge_method: 'S256',
        }),
        async finish(callback) {
          checkCallback(callback, { state, iss: registry })
          const error = callback.searchParams.get('error')
          if (error !== null) throw new CallbackError(error)
          const code = callback.searchParams.get('code') ?? ''
          return granted(
            await flow.getToken({ code, redirect_uri: redirectUri, code_verifier: verifier }),
          )
        },
      }
    },
    get: (url, accessToken) => fetch(url, { headers: { Authorization: `Bearer ${accessToken}` } }),
    async errorIn(fault) {
      if (fault instanceof CallbackError) return fault.error
      return (fault as { data: { payload: { error: unknown } } }).data.payload.error
    },
  }
}
