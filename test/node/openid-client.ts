/** A client of the registry with openid-client, which finds everything by discovery (RFC 8414). */

import * as openid from 'openid-client'
import type { Granted, MakeTokenLibrary } from './client-library.ts'
import type { RegisteredClient } from './running-registry.ts'

const authenticationOf = ({ method, secret }: RegisteredClient) => {
  switch (method) {
    case 'client_secret':
    case 'client_secret_post':
      return openid.ClientSecretPost(secret)
    case 'client_secret_basic':
      return openid.ClientSecretBasic(secret)
    case 'none':
      return openid.None()
  }
}

const granted = (
  answer: Readonly<{
    access_token: string
    scope?: string
    expires_in?: number
    refresh_token?: string
  }>,
): Granted => ({
  accessToken: answer.access_token,
  scope: answer.scope ?? '',
  expiresInSeconds: answer.expires_in ?? 0,
  ...(answer.refresh_token && { refreshToken: answer.refresh_token }),
})

export const openidClient: MakeTokenLibrary = (registry) => {
  const configure = (id: string, authentication: openid.ClientAuth) =>
    openid.discovery(new URL(registry), id, {}, authentication, {
      algorithm: 'oauth2',
      // The tested registry serves plain http.
      execute: [openid.allowInsecureRequests],
    })
  const configureFor = (client: RegisteredClient) => configure(client.id, authenticationOf(client))
  return {
    clientCredentials: async (client, scope) =>
      granted(await openid.clientCredentialsGrant(await configureFor(client), { scope })),
    async startCodeFlow(client, redirectUri, scope, more = {}) {
      const config = await configureFor(client)
      const expectedState = openid.randomState()
      const pkceCodeVerifier = openid.randomPKCECodeVerifier()
      const url = openid.buildAuthorizationUrl(config, {
        redirect_uri: redirectUri,
        scope,
        state: expectedState,
        code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
        code_challenge_method: 'S256',
        ...more,
      })
      return {
        url: url.href,
        finish: async (callback) =>
          granted(
            await openid.authorizationCodeGrant(config, callback, {
              expectedState,
              pkceCodeVerifier,
            }),
          ),
      }
    },
    async discover() {
      const config = await configure('whichever', openid.None())
      return config.serverMetadata().scopes_supported ?? []
    },
    refresh: async (client, refreshToken, scope) =>
      granted(
        await openid.refreshTokenGrant(await configureFor(client), refreshToken, {
          ...(scope !== undefined && { scope }),
        }),
      ),
    revoke: async (client, token, hint) =>
      openid.tokenRevocation(await configureFor(client), token, {
        ...(hint !== undefined && { token_type_hint: hint }),
      }),
    introspect: async (client, token) =>
      openid.tokenIntrospection(await configureFor(client), token),
    get: async (url, accessToken) =>
      openid.fetchProtectedResource(
        await configure('whichever', openid.None()),
        accessToken,
        new URL(url),
        'GET',
      ),
    async errorIn(fault) {
      // The library reports the challenge instead of the body. RFC 6749 §5.2 requires a challenge after Basic.
      if (fault instanceof openid.WWWAuthenticateChallengeError) {
        return ((await fault.response.json()) as { error: unknown }).error
      }
      return (fault as openid.ResponseBodyError | openid.AuthorizationResponseError).error
    },
  }
}
