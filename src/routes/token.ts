/** `/token`: RFC 6749 §3.2. */

import { formatScopes } from '../domain/scope.ts'
import type { IssuedToken } from '../flows/token/grant.ts'
import { issueToken } from '../flows/token/issue-token.ts'
import { clientPost } from './client-post.ts'
import type { Endpoint } from './endpoint.ts'

/** RFC 6749 §5.1. The response always states `scope`, which is required if it differs from the request. */
const tokenResponse = (issued: IssuedToken) => ({
  access_token: issued.accessToken,
  token_type: issued.tokenType,
  expires_in: issued.lifetimeSeconds,
  scope: formatScopes(issued.scopes),
  ...(issued.refreshToken !== null && { refresh_token: issued.refreshToken }),
})

export const tokenEndpoint: Endpoint = {
  path: '/token',
  allowsAnyOrigin: true,
  post: clientPost(async (c, fields, deps) => {
    const headers = { authorization: c.req.header('Authorization'), dpop: c.req.header('DPoP') }
    return tokenResponse(await issueToken(fields, headers, deps, c.get('request')))
  }),
}
