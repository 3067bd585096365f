/** A client with keys, with oauth4webapi's own `PrivateKeyJwt` and `DPoP`. */

import * as oauth from 'oauth4webapi'
import type { BoundTokens, MakeKeyLibrary } from './key-client.ts'

const bound = (answer: oauth.TokenEndpointResponse): BoundTokens => ({
  accessToken: answer.access_token,
  tokenType: answer.token_type,
  refreshToken: answer.refresh_token ?? null,
})

export const oauth4webapiWithKeys: MakeKeyLibrary = (registry, { id, ...keys }) => {
  const client: oauth.Client = { client_id: id }
  const authentication = keys.authentication
    ? oauth.PrivateKeyJwt(keys.authentication)
    : oauth.None()
  const proofs = oauth.DPoP(client, keys.possession)
  // The tested registry serves plain http.
  const options = { [oauth.allowInsecureRequests]: true, DPoP: proofs }
  const discover = async () => {
    const issuer = new URL(registry)
    const answer = await oauth.discoveryRequest(issuer, { ...options, algorithm: 'oauth2' })
    return oauth.processDiscoveryResponse(issuer, answer)
  }
  return {
    async clientCredentials(scope) {
      const server = await discover()
      const asked = { scope }
      const answer = await oauth.clientCredentialsGrantRequest(
        ...([server, client, authentication, asked, options] as const),
      )
      return bound(await oauth.processClientCredentialsResponse(server, client, answer))
    },
    async startCodeFlow(redirectUri, scope) {
      const server = await discover()
      const state = oauth.generateRandomState()
      const verifier = oauth.generateRandomCodeVerifier()
      const query = new URLSearchParams({
        response_type: 'code',
        client_id: id,
        redirect_uri: redirectUri,
        scope,
        state,
        code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        dpop_jkt: await proofs.calculateThumbprint(),
      })
      return {
        url: `${server.authorization_endpoint}?${query}`,
        async finish(callback) {
          const code = oauth.validateAuthResponse(server, client, callback, state)
          const answer = await oauth.authorizationCodeGrantRequest(
            ...([server, client, authentication, code, redirectUri, verifier, options] as const),
          )
          return bound(await oauth.processAuthorizationCodeResponse(server, client, answer))
        },
      }
    },
    async refresh(refreshToken) {
      const server = await discover()
      const answer = await oauth.refreshTokenGrantRequest(
        ...([server, client, authentication, refreshToken, options] as const),
      )
      return bound(await oauth.processRefreshTokenResponse(server, client, answer))
    },
    get: (url, accessToken) =>
      oauth.protectedResourceRequest(accessToken, 'GET', new URL(url), undefined, null, options),
  }
}
