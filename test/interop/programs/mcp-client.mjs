/** The provider for both MCP client libraries, which differ only in the import. `auth` does discovery and refreshes. */

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

const OWN_SETTINGS = {
  redirectUrl: REDIRECT_URI,
  clientMetadata: { client_name: 'MCP host', redirect_uris: [REDIRECT_URI], scope: SCOPE },
  clientInformation: () => ({
    client_id: CLIENT_ID,
    ...(CLIENT_SECRET && { client_secret: CLIENT_SECRET }),
  }),
}

/** `settings`: the part of the provider about the client. */
export const runMcpClient = (auth, settings = OWN_SETTINGS) =>
  run(async () => {
    let tokens
    let verifier
    let authorizationUrl
    const provider = {
      ...settings,
      tokens: () => tokens,
      saveTokens: (saved) => {
        tokens = saved
      },
      redirectToAuthorization: (url) => {
        authorizationUrl = url
      },
      saveCodeVerifier: (saved) => {
        verifier = saved
      },
      codeVerifier: () => verifier,
      state: () => 'a-state',
    }
    await auth(provider, { serverUrl: REGISTRY, scope: SCOPE })
    const callback = await callbackFor(authorizationUrl)
    const parameters = callback.searchParams
    if (!parameters.has('code')) throw { error: parameters.get('error') }
    await auth(provider, {
      serverUrl: REGISTRY,
      authorizationCode: parameters.get('code'),
      iss: parameters.get('iss'),
    })
    say('TOKEN', tokens)
    await auth(provider, { serverUrl: REGISTRY, scope: SCOPE })
    say('REFRESHED', tokens)
  })
