/** arctic, which uses HTTP Basic for a client with a secret. */

import { CodeChallengeMethod, generateCodeVerifier, generateState, OAuth2Client } from 'arctic'
import {
  CLIENT_ID,
  CLIENT_SECRET,
  callbackFor,
  REDIRECT_URI,
  REGISTRY,
  run,
  SCOPE,
  say,
} from './steps.mjs'

const told = (tokens) => ({
  access_token: tokens.accessToken(),
  refresh_token: tokens.refreshToken(),
  scope: tokens.scopes().join(' '),
})

await run(async () => {
  const client = new OAuth2Client(CLIENT_ID, CLIENT_SECRET || null, REDIRECT_URI)
  const verifier = generateCodeVerifier()
  const state = generateState()
  const callback = await callbackFor(
    client.createAuthorizationURLWithPKCE(
      `${REGISTRY}/authorize`,
      state,
      CodeChallengeMethod.S256,
      verifier,
      SCOPE.split(' '),
    ),
  )
  const code = callback.searchParams.get('code')
  if (callback.searchParams.get('state') !== state || !code) {
    throw { error: callback.searchParams.get('error') ?? 'state' }
  }
  const tokens = await client.validateAuthorizationCode(`${REGISTRY}/token`, code, verifier)
  say('TOKEN', told(tokens))
  const refreshed = await client.refreshAccessToken(`${REGISTRY}/token`, tokens.refreshToken(), [])
  say('REFRESHED', told(refreshed))
  await client.revokeToken(`${REGISTRY}/revoke`, refreshed.accessToken())
  say('REVOKED')
})
