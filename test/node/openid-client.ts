/** A client of the registry with openid-client. */

import * as openid from 'openid-client'
import type { Granted, MakeLibrary } from './client-library.ts'
import type { RegisteredClient } from './running-registry.ts'

const authenticationOf = ({ method, secret }: RegisteredClient) => {
  switch (method) {
    case 'client_secret_post':
      return openid.ClientSecretPost(secret)
    case 'client_secret_basic':
      return openid.ClientSecretBasic(secret)
    case 'none':
      return openid.None()
  }
}

const granted = (
  answer: Readonly<{ access_token: string; scope?: string; expires_in?: number }>,
): Granted => ({
  accessToken: answer.access_token,
  scope: answer.scope ?? '',
  expiresInSeconds: answer.expires_in ?? 0,
})

export const openidClient: MakeLibrary = (registry) => {
  const server: openid.ServerMetadata = {
    issuer: registry,
    authorization_endpoint: `${registry}/authorize`,
    token_endpoint: `${registry}/token`,
    authorization_response_iss_parameter_supported: true,
  }
  const configure = (id: string, authentication: openid.ClientAuth) => {
    const config = new openid.Configuration(server, id, {}, authentication)
    // The registry under test speaks plain http.
    openid.allowInsecureRequests(config)
    return config
  }
  const configureFor = (client: RegisteredClient) => configure(client.id, authenticationOf(client))
  return {
    clientCredentials: async (client, scope) =>
      granted(await openid.clientCredentialsGrant(configureFor(client), { scope })),
    async startCodeFlow(client, redirectUri, scope) {
      const config = configureFor(client)
      const expectedState = openid.randomState()
      const pkceCodeVerifier = openid.randomPKCECodeVerifier()
      const url = openid.buildAuthorizationUrl(config, {
        redirect_uri: redirectUri,
        scope,
        state: expectedState,
        code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
        code_challenge_method: 'S256',
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
    get: (url, accessToken) =>
      openid.fetchProtectedResource(
        configure('whichever', openid.None()),
        accessToken,
        new URL(url),
        'GET',
      ),
    async errorIn(fault) {
      // The library shows a challenge before the body: RFC 6749 §5.2 demands one of whoever tried Basic.
      if (fault instanceof openid.WWWAuthenticateChallengeError) {
        return ((await fault.response.json()) as { error: unknown }).error
      }
      return (fault as openid.ResponseBodyError | openid.AuthorizationResponseError).error
    },
  }
}
