/** A client of the registry with oauth4webapi, which finds everything by discovery (RFC 8414). */

import * as oauth from 'oauth4webapi'
import type { Granted, MakeTokenLibrary } from './client-library.ts'
import type { RegisteredClient } from './running-registry.ts'

/** The tested registry serves plain http. */
const INSECURE = { [oauth.allowInsecureRequests]: true }

const authenticationOf = ({ method, secret }: RegisteredClient) => {
  switch (method) {
    case 'client_secret':
    case 'client_secret_post':
      return oauth.ClientSecretPost(secret)
    case 'client_secret_basic':
      return oauth.ClientSecretBasic(secret)
    case 'none':
      return oauth.None()
  }
}

const granted = (answer: oauth.TokenEndpointResponse): Granted => ({
  accessToken: answer.access_token,
  scope: answer.scope ?? '',
  expiresInSeconds: answer.expires_in ?? 0,
  ...(answer.refresh_token && { refreshToken: answer.refresh_token }),
})

export const oauth4webapi: MakeTokenLibrary = (registry) => {
  const issuer = new URL(registry)
  let discovered: Promise<oauth.AuthorizationServer> | undefined
  const serverOf = () => {
    discovered ??= oauth
      .discoveryRequest(issuer, { algorithm: 'oauth2', ...INSECURE })
      .then((response) => oauth.processDiscoveryResponse(issuer, response))
    return discovered
  }
  return {
    discover: async () => (await serverOf()).scopes_supported ?? [],
    async clientCredentials(registered, scope) {
      const server = await serverOf()
      const client = { client_id: registered.id }
      const response = await oauth.clientCredentialsGrantRequest(
        server,
        client,
        authenticationOf(registered),
        { scope },
        INSECURE,
      )
      return granted(await oauth.processClientCredentialsResponse(server, client, response))
    },
    async startCodeFlow(registered, redirectUri, scope, more = {}) {
      const server = await serverOf()
      const client = { client_id: registered.id }
      const state = oauth.generateRandomState()
      const verifier = oauth.generateRandomCodeVerifier()
      const query = new URLSearchParams({
        response_type: 'code',
        client_id: registered.id,
        redirect_uri: redirectUri,
        scope,
        state,
        code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        ...more,
      })
      return {
        url: `${server.authorization_endpoint}?${query}`,
        async finish(callback) {
          const response = await oauth.authorizationCodeGrantRequest(
            server,
            client,
            authenticationOf(registered),
            oauth.validateAuthResponse(server, client, callback, state),
            redirectUri,
            verifier,
            INSECURE,
          )
          return granted(await oauth.processAuthorizationCodeResponse(server, client, response))
        },
      }
    },
    async refresh(registered, refreshToken, scope) {
      const server = await serverOf()
      const client = { client_id: registered.id }
      const response = await oauth.refreshTokenGrantRequest(
        server,
        client,
        authenticationOf(registered),
        refreshToken,
        { ...INSECURE, ...(scope !== undefined && { additionalParameters: { scope } }) },
      )
      return granted(await oauth.processRefreshTokenResponse(server, client, response))
    },
    async revoke(registered, token, hint) {
      const response = await oauth.revocationRequest(
        await serverOf(),
        { client_id: registered.id },
        authenticationOf(registered),
        token,
        {
          ...INSECURE,
          ...(hint !== undefined && { additionalParameters: { token_type_hint: hint } }),
        },
      )
      await oauth.processRevocationResponse(response)
    },
    async introspect(registered, token) {
      const server = await serverOf()
      const client = { client_id: registered.id }
      const response = await oauth.introspectionRequest(
        server,
        client,
        authenticationOf(registered),
        token,
        INSECURE,
      )
      return oauth.processIntrospectionResponse(server, client, response)
    },
    get: (url, accessToken) =>
      oauth.protectedResourceRequest(accessToken, 'GET', new URL(url), undefined, null, INSECURE),
    async errorIn(fault) {
      // The library reports the challenge instead of the body. RFC 6749 §5.2 requires a challenge after Basic.
      if (fault instanceof oauth.WWWAuthenticateChallengeError) {
        return ((await fault.response.json()) as { error: unknown }).error
      }
      return (fault as oauth.ResponseBodyError | oauth.AuthorizationResponseError).error
    },
  }
}
