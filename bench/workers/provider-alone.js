/** `@cloudflare/workers-oauth-provider` as it would be deployed, to measure its size and its start. */

import { OAuthProvider } from '@cloudflare/workers-oauth-provider'

export default new OAuthProvider({
  apiRoute: 'http://127.0.0.1/api',
  apiHandler: { fetch: () => new Response(null) },
  defaultHandler: { fetch: () => new Response(null, { status: 404 }) },
  authorizeEndpoint: '/authorize',
  tokenEndpoint: '/token',
  clientIdMetadataDocumentEnabled: false,
  resourceMetadata: {
    resource: 'http://127.0.0.1/api',
    authorization_servers: ['http://127.0.0.1'],
  },
})
