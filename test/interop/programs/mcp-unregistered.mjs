/**
 * A host with an unregistered client, with version 1 or 2 of the MCP client. It has the URL of a metadata document, or the
 * library registers it. It opens the user's browser, receives the callback and calls a tool.
 */

import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { parseArgs } from 'node:util'

const LIBRARIES = {
  1: async () => ({
    ...(await import('@modelcontextprotocol/sdk/client/index.js')),
    ...(await import('@modelcontextprotocol/sdk/client/streamableHttp.js')),
  }),
  2: () => import('@modelcontextprotocol/client'),
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { 'client-metadata-url': { type: 'string' } },
})
const [version, tool, server, port] = positionals
const { Client, StreamableHTTPClientTransport } = await LIBRARIES[version]()
const redirectUri = `http://127.0.0.1:${port}/callback`

const saved = {}
const provider = {
  redirectUrl: redirectUri,
  clientMetadataUrl: values['client-metadata-url'],
  clientMetadata: {
    client_name: `MCP client ${version}`,
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  },
  clientInformation: () => saved.client,
  saveClientInformation: (client) => {
    saved.client = client
  },
  tokens: () => saved.tokens,
  saveTokens: (tokens) => {
    saved.tokens = tokens
  },
  saveCodeVerifier: (verifier) => {
    saved.verifier = verifier
  },
  codeVerifier: () => saved.verifier,
  state: () => 'a-state',
  redirectToAuthorization: (url) => execFile('xdg-open', [String(url)]),
}

const callback = createServer().listen(Number(port), '127.0.0.1')
const connect = async () => {
  const transport = new StreamableHTTPClientTransport(new URL(server), { authProvider: provider })
  const client = new Client({ name: 'host', version: '1.0.0' })
  try {
    await client.connect(transport)
    return client
  } catch (fault) {
    if (fault.constructor.name !== 'UnauthorizedError') throw fault
    const [request, response] = await once(callback, 'request')
    response.end('You may close this page.')
    const { searchParams } = new URL(request.url, redirectUri)
    await transport.finishAuth(searchParams.get('code'), searchParams.get('iss'))
    return connect()
  }
}
const client = await connect()
const { content } = await client.callTool({ name: tool, arguments: {} })
console.log(content[0].text)
process.exit(0)
