/** `@node-oauth/oauth2-server` on `node:http`, with a model that stores in maps. */

import OAuth2Server from '@node-oauth/oauth2-server'
import { checks, exchanges, getRequest, issues } from '../handouts.ts'
import {
  CALLBACK,
  credentialsFields,
  GRANTED_SCOPES,
  PKCE,
  redemptionFields,
  SCOPES,
  USER,
} from '../subject.ts'
import { readBody, serve } from './serve.js'

const { Request, Response } = OAuth2Server
const MAX_TOKENS = 20_000

const credentials = { id: crypto.randomUUID(), secret: 'regs_0123456789abcdef0123456789abcdef' }
const client = {
  id: credentials.id,
  redirectUris: [CALLBACK],
  grants: ['client_credentials', 'authorization_code'],
}
const codes = new Map()
const tokens = new Map()
const pseudoUser = { id: credentials.id }

const model = {
  async getClient(id, secret) {
    if (id !== credentials.id) return null
    return secret === null || secret === credentials.secret ? client : null
  },
  getUserFromClient: async () => pseudoUser,
  validateScope: async (_user, _client, scope) => scope ?? SCOPES,
  async saveToken(token, ofClient, user) {
    if (tokens.size >= MAX_TOKENS) tokens.delete(tokens.keys().next().value)
    const saved = { ...token, client: ofClient, user }
    tokens.set(token.accessToken, saved)
    return saved
  },
  getAccessToken: async (text) => tokens.get(text),
  verifyScope: async () => true,
  async saveAuthorizationCode(code, ofClient, user) {
    const saved = { ...code, client: ofClient, user }
    codes.set(code.authorizationCode, saved)
    return saved
  },
  getAuthorizationCode: async (text) => codes.get(text),
  revokeAuthorizationCode: async ({ authorizationCode }) => codes.delete(authorizationCode),
}

const server = new OAuth2Server({ model, accessTokenLifetime: 7200 })

function send(response, { status = 200, headers = {}, body }) {
  const text = JSON.stringify(body)
  response.writeHead(status, {
    ...headers,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  })
  response.end(text)
}

async function answer(request, response) {
  const { method, headers, url } = request
  const mark = url.indexOf('?')
  const query = mark === -1 ? {} : Object.fromEntries(new URLSearchParams(url.slice(mark + 1)))
  const given = new Response({ headers: {} })
  try {
    if (url.startsWith('/token')) {
      const body = Object.fromEntries(new URLSearchParams(await readBody(request)))
      await server.token(new Request({ method, headers, query, body }), given)
      return send(response, given)
    }
    await server.authenticate(new Request({ method, headers, query }), given)
    send(response, { body: { status: 'authenticated' } })
  } catch (fault) {
    send(response, { status: fault.code ?? 500, body: { error: fault.name } })
  }
}

/** Issues a code by its own authorization handler. */
async function mintCode() {
  const request = new Request({
    method: 'GET',
    headers: {},
    query: {
      response_type: 'code',
      client_id: credentials.id,
      redirect_uri: CALLBACK,
      state: 'af0ifjsldkj',
      scope: GRANTED_SCOPES.join(' '),
      code_challenge: PKCE.challenge,
      code_challenge_method: 'S256',
    },
  })
  const user = { id: 'reader', ...USER }
  const authenticateHandler = { handle: () => user }
  const code = await server.authorize(request, new Response({ headers: {} }), {
    authenticateHandler,
    authorizationCodeLifetime: 3600,
  })
  return code.authorizationCode
}

async function mintToken() {
  const body = redemptionFields(credentials, await mintCode())
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    'content-length': '1',
    'transfer-encoding': 'chunked',
  }
  const request = new Request({ method: 'POST', headers, query: {}, body })
  return (await server.token(request, new Response({ headers: {} }))).accessToken
}

const checkOf = (token) => getRequest('/auth', { Authorization: `Bearer ${token}` })
serve(
  {
    token_warm: issues('/token', credentialsFields(credentials)),
    exchange: exchanges({ path: '/token', credentials }, mintCode),
    check: checks(mintToken, checkOf, 'authenticated'),
  },
  answer,
)
