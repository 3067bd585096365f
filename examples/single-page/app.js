/**
 * A single-page application that signs its user in, refreshes its access token and signs out. It keeps the tokens in the memory
 * of the page: scripts of other pages cannot read them, and they are gone when the page is closed.
 */

import * as oauth from 'oauth4webapi'

// serve.mjs writes these two into index.html. In your application they are settings.
const setting = (name) => document.querySelector(`meta[name="${name}"]`).content
const issuer = setting('issuer')
const clientId = setting('client_id')
const SCOPE = 'public:read'
/** Registered for the client. This page itself receives the response. */
const REDIRECT_URI = `${location.origin}/`

const client = { client_id: clientId }
/** Allows plain http for a registry on this machine. For any other the library requires https. */
const options = { [oauth.allowInsecureRequests]: issuer.startsWith('http:') }

/** The endpoints, from ISSUER/.well-known/oauth-authorization-server. */
const server = await oauth.processDiscoveryResponse(
  new URL(issuer),
  await oauth.discoveryRequest(new URL(issuer), { algorithm: 'oauth2', ...options }),
)

let tokens = null

async function startSignIn() {
  const state = oauth.generateRandomState()
  const verifier = oauth.generateRandomCodeVerifier()
  // This tab reads them when the browser comes back.
  sessionStorage.setItem('request', JSON.stringify({ state, verifier }))
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: clientId,
    redirect_uri: REDIRECT_URI,
    scope: SCOPE,
    state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  })
  location.assign(`${server.authorization_endpoint}?${query}`)
}

/** The browser came back with a code or an error. */
async function finishSignIn(url) {
  const { state, verifier } = JSON.parse(sessionStorage.getItem('request') ?? '{}')
  sessionStorage.removeItem('request')
  // The code must not stay in the address.
  history.replaceState(null, '', REDIRECT_URI)
  // Checks state and iss. Throws if the response has an error.
  const params = oauth.validateAuthResponse(server, client, url, state)
  const response = await oauth.authorizationCodeGrantRequest(
    server,
    client,
    oauth.None(),
    params,
    REDIRECT_URI,
    verifier,
    options,
  )
  tokens = await oauth.processAuthorizationCodeResponse(server, client, response)
}

async function refresh() {
  const response = await oauth.refreshTokenGrantRequest(
    server,
    client,
    oauth.None(),
    tokens.refresh_token,
    options,
  )
  // The new refresh token replaces the old one.
  tokens = await oauth.processRefreshTokenResponse(server, client, response)
}

async function signOut() {
  const response = await oauth.revocationRequest(
    server,
    client,
    oauth.None(),
    tokens.refresh_token,
    options,
  )
  await oauth.processRevocationResponse(response)
  tokens = null
}

function show(text) {
  document.getElementById('state').textContent = text
  document.getElementById('sign-in').hidden = tokens !== null
  for (const id of ['refresh', 'sign-out']) document.getElementById(id).hidden = tokens === null
}

/** Runs `work`, and then shows the state. */
async function run(work) {
  try {
    await work()
    show(tokens ? `Signed in. Granted: ${tokens.scope}.` : 'Signed out.')
  } catch (refusal) {
    show(`Refused: ${refusal.error ?? refusal.message}`)
  }
}

for (const [id, work] of [
  ['sign-in', startSignIn],
  ['refresh', refresh],
  ['sign-out', signOut],
]) {
  document.getElementById(id).addEventListener('click', () => run(work))
}

const url = new URL(location.href)
if (url.searchParams.has('state')) await run(() => finishSignIn(url))
else show('Signed out.')
