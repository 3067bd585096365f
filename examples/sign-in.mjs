/**
 * A web application that signs its user in with the code flow and the library openid-client.
 *
 *     CLIENT_ID=… CLIENT_SECRET=… node examples/sign-in.mjs
 *
 * ISSUER defaults to the local registry, and REDIRECT_URI to that of its demo client. A client without a secret needs no
 * CLIENT_SECRET.
 */

import { createServer } from 'node:http'
import * as oauth from 'openid-client'

const {
  ISSUER = 'http://127.0.0.1:8787',
  REDIRECT_URI = 'http://127.0.0.1:5000/callback',
  SCOPE = 'public:read submission:read',
  CLIENT_ID,
  CLIENT_SECRET,
} = process.env

function stop(problem) {
  console.error(`error: ${problem}`)
  process.exit(1)
}

if (!CLIENT_ID)
  stop('CLIENT_ID is not set: npm start prints the id and the secret of a demo client')
for (const [name, value] of Object.entries({ ISSUER, REDIRECT_URI })) {
  if (!/^https?:/.test(value) || !URL.canParse(value)) stop(`${name} is not an http or https URL`)
}

// The endpoints come from ISSUER/.well-known/oauth-authorization-server. Plain http is allowed only at a loopback address.
const registry = await oauth
  .discovery(
    new URL(ISSUER),
    CLIENT_ID,
    CLIENT_SECRET,
    CLIENT_SECRET ? oauth.ClientSecretPost(CLIENT_SECRET) : oauth.None(),
    {
      algorithm: 'oauth2',
      execute: ISSUER.startsWith('http:') ? [oauth.allowInsecureRequests] : [],
    },
  )
  .catch((fault) => stop(`no registry answers at ISSUER ${ISSUER} (${fault.message})`))

const pkceCodeVerifier = oauth.randomPKCECodeVerifier()
const expectedState = oauth.randomState()
const authorize = oauth.buildAuthorizationUrl(registry, {
  redirect_uri: REDIRECT_URI,
  scope: SCOPE,
  state: expectedState,
  code_challenge: await oauth.calculatePKCECodeChallenge(pkceCodeVerifier),
  code_challenge_method: 'S256',
})

const callback = new URL(REDIRECT_URI)
const server = createServer(async (request, response) => {
  // A request with a malformed URL, such as `//`, or with another state is not the callback.
  const target = URL.canParse(request.url, callback.origin) ? request.url : '/'
  const url = new URL(target, callback.origin)
  const isOurs =
    url.pathname === callback.pathname && url.searchParams.get('state') === expectedState
  if (!isOurs) return response.writeHead(404).end()
  try {
    // Checks state and iss, and redeems the code.
    const checks = { pkceCodeVerifier, expectedState }
    const token = await oauth.authorizationCodeGrant(registry, url, checks)
    response.end('Signed in. You can close this page.\n')
    console.log(`granted: ${token.scope}\nACCESS_TOKEN=${token.access_token}`)
    if (token.refresh_token) console.log(`REFRESH_TOKEN=${token.refresh_token}`)
  } catch (refusal) {
    response.writeHead(400).end('Not signed in.\n')
    // A refused client gets a 401 with a challenge, which the library reports instead of the error code.
    const problem =
      refusal.status === 401 ? 'invalid_client: check CLIENT_ID and CLIENT_SECRET' : refusal.error
    console.log(`refused: ${problem ?? refusal.message}`)
  }
  server.close()
})
server.on('error', (fault) => stop(`cannot listen at REDIRECT_URI ${REDIRECT_URI} (${fault.code})`))
server.listen(Number(callback.port), callback.hostname, () => {
  console.log(`Open in a browser:\n${authorize}`)
})
