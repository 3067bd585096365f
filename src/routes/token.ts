/** `/token`: RFC 6749 §3.2. */

import { issueToken } from '../flows/token/issue-token.ts'
import { contextOf } from '../http/request-context.ts'
import { JsonAnswer, sendRefusal } from '../http/respond.ts'
import { tokenResponse } from '../protocol/token-response.ts'
import { clientPost } from './client-post.ts'
import type { Endpoint } from './endpoint.ts'

export const token: Endpoint = {
  path: '/token',
  refuse: sendRefusal,
  allowsAnyOrigin: true,
  post: clientPost(async (c, fields, deps) => {
    const headers = { authorization: c.req.header('Authorization'), dpop: c.req.header('DPoP') }
    return new JsonAnswer(tokenResponse(await issueToken(fields, headers, deps, contextOf(c))))
  }),
}
