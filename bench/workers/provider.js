/**
 * `@cloudflare/workers-oauth-provider` with only what the measured operations need: no refresh tokens, no registration,
 * one route. Its own `completeAuthorization` and token endpoint issue the codes and tokens.
 */

import { getOAuthApi, OAuthProvider } from '@cloudflare/workers-oauth-provider'
import { checks, exchanges, getRequest } from '../handouts.ts'
import { memoryNamespace } from '../memory/namespace.ts'
import { CALLBACK, GRANTED_SCOPES, PKCE, redemptionFields, USER } from '../subject.ts'
import { isHandout } from './requests.ts'

const ORIGIN = 'http://127.0.0.1'
const API = '/api'
const HEADERS = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' }
const ANSWER = JSON.stringify({ status: 'authenticated' })

const options = {
  apiRoute: `${ORIGIN}${API}`,
  apiHandler: { fetch: () => new Response(ANSWER, { headers: HEADERS }) },
  defaultHandler: { fetch: () => new Response(null, { status: 404 }) },
  authorizeEndpoint: '/authorize',
  tokenEndpoint: '/token',
  accessTokenTTL: 7200,
  refreshTokenTTL: 0,
  clientIdMetadataDocumentEnabled: false,
  resourceMetadata: { resource: `${ORIGIN}${API}`, authorization_servers: [ORIGIN] },
}

const provider = new OAuthProvider(options)
let serving

async function prepare(env) {
  const OAUTH_KV = env.STORAGE === 'memory' ? memoryNamespace() : env.OAUTH_KV
  const bound = { OAUTH_KV }
  const api = getOAuthApi(options, bound)
  const { clientId, clientSecret } = await api.createClient({
    redirectUris: [CALLBACK],
    clientName: 'Example client',
    tokenEndpointAuthMethod: 'client_secret_post',
  })
  return { env: bound, api, credentials: { id: clientId, secret: clientSecret } }
}

async function mintCode({ api, credentials }) {
  const { redirectTo } = await api.completeAuthorization({
    request: {
      responseType: 'code',
      clientId: credentials.id,
      redirectUri: CALLBACK,
      scope: GRANTED_SCOPES,
      state: 'af0ifjsldkj',
      codeChallenge: PKCE.challenge,
      codeChallengeMethod: 'S256',
      resource: `${ORIGIN}${API}`,
    },
    userId: 'reader',
    metadata: null,
    scope: GRANTED_SCOPES,
    props: { username: USER.username, email: USER.email },
    revokeExistingGrants: false,
  })
  return new URL(redirectTo).searchParams.get('code')
}

async function mintToken(context) {
  const code = await mintCode(serving)
  const request = new Request(`${ORIGIN}/token`, {
    method: 'POST',
    body: new URLSearchParams(redemptionFields(serving.credentials, code)),
  })
  const response = await provider.fetch(request, serving.env, context)
  const { access_token } = await response.json()
  return access_token
}

async function handOut(request, context) {
  const asked = new URL(request.url).searchParams
  const { credentials } = serving
  const requestOf = (token) => getRequest(API, { Authorization: `Bearer ${token}` })
  const handOutFor =
    asked.get('operation') === 'exchange'
      ? exchanges({ path: '/token', credentials }, () => mintCode(serving))
      : checks(() => mintToken(context), requestOf, 'authenticated')
  return handOutFor(Number(asked.get('n')))
}

export default {
  async fetch(request, env, context) {
    if (serving && !isHandout(request)) return provider.fetch(request, serving.env, context)
    serving ??= await prepare(env)
    return Response.json(await handOut(request, context))
  },
}
