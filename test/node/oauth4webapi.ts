/** A client of the registry with oauth4webapi. */

import * as oauth from 'oauth4webapi'
import type { Granted, MakeLibrary } from './client-library.ts'
import type { RegisteredClient } from './running-registry.ts'

/** The registry under test speaks plain http. */
const INSECURE = { [oauth.allowInsecureRequests]: true }

const authenticationOf = ({ method, secret }: RegisteredClient) => {
  switch (method) {
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
})

export const oauth4webapi: MakeLibrary = (registry) => {
  const server: oauth.AuthorizationServer = {
    issuer: registry,
    authorization_endpoint: `${registry}/authorize`,
    token_endpoint: `${registry}/token`,
    authorization_response_iss_parameter_supported: true,
  }
  return {
    async clientCredentials(registered, scope) {
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
    async startCodeFlow(registered, redirectUri, scope) {
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
    get: (url, accessToken) =>
      oauth.protectedResourceRequest(accessToken, 'GET', new URL(url), undefined, null, INSECURE),
    async errorIn(fault) {
      // The library shows a challenge before the body: RFC 6749 §5.2 demands one of whoever tried Basic.
      if (fault instanceof oauth.WWWAuthenticateChallengeError) {
        return ((await fault.response.json()) as { error: unknown }).error
      }
      return (fault as oauth.ResponseBodyError | oauth.AuthorizationResponseError).error
    },
  }
}
