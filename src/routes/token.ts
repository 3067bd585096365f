/** `/token`: RFC 6749 §3.2. */

import { issueToken } from '../flows/token/issue-token.ts'
import { sendErrorJson } from '../http/error-json.ts'
import { tokenResponse } from '../protocol/token-response.ts'
import { clientPost } from './client-post.ts'
import type { Endpoint } from './endpoint.ts'

export const tokenEndpoint: Endpoint = {
  path: '/token',
  sendError: sendErrorJson,
  allowsAnyOrigin: true,
  post: clientPost(async (c, fields, deps) => {
    const headers = { authorization: c.req.header('Authorization'), dpop: c.req.header('DPoP') }
    return tokenResponse(await issueToken(fields, headers, deps, c.get('request')))
  }),
}
