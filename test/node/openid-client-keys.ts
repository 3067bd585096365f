/** A client with keys, with openid-client's own `PrivateKeyJwt` and DPoP handle. */

import * as openid from 'openid-client'
import type { BoundTokens, MakeKeyLibrary } from './key-client.ts'

const bound = (
  answer: Readonly<{ access_token: string; token_type: string; refresh_token?: string }>,
): BoundTokens => ({
  accessToken: answer.access_token,
  tokenType: answer.token_type,
  refreshToken: answer.refresh_token ?? null,
})

export const openidClientWithKeys: MakeKeyLibrary = (registry, { id, ...keys }) => {
  const authentication = keys.authentication
    ? openid.PrivateKeyJwt(keys.authentication)
    : openid.None()
  const discover = async () => {
    // The tested registry serves plain http.
    const options = { algorithm: 'oauth2' as const, execute: [openid.allowInsecureRequests] }
    const config = await openid.discovery(new URL(registry), id, {}, authentication, options)
    return { config, DPoP: openid.getDPoPHandle(config, keys.possession) }
  }
  return {
    async clientCredentials(scope) {
      const { config, DPoP } = await discover()
      return bound(await openid.clientCredentialsGrant(config, { scope }, { DPoP }))
    },
    async startCodeFlow(redirectUri, scope) {
      const { config, DPoP } = await discover()
      const expectedState = openid.randomState()
      const pkceCodeVerifier = openid.randomPKCECodeVerifier()
      const url = openid.buildAuthorizationUrl(config, {
        redirect_uri: redirectUri,
        scope,
        state: expectedState,
        code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
        code_challenge_method: 'S256',
        dpop_jkt: await DPoP.calculateThumbprint(),
      })
      return {
        url: url.href,
        finish: async (callback) =>
          bound(
            await openid.authorizationCodeGrant(
              config,
              callback,
              { expectedState, pkceCodeVerifier },
              undefined,
              { DPoP },
            ),
          ),
      }
    },
    async refresh(refreshToken) {
      const { config, DPoP } = await discover()
      return bound(await openid.refreshTokenGrant(config, refreshToken, undefined, { DPoP }))
    },
    async get(url, accessToken) {
      const { config, DPoP } = await discover()
      const at = new URL(url)
      return openid.fetchProtectedResource(config, accessToken, at, 'GET', null, undefined, {
        DPoP,
      })
    },
  }
}
