/** `/revoke`: RFC 7009. §2.2 defines no body; `{}` is for client libraries that parse every 200 as JSON. */

import { revokeToken } from '../flows/revoke-token.ts'
import { contextOf } from '../http/request-context.ts'
import { JsonAnswer, sendRefusal } from '../http/respond.ts'
import { clientPost } from './client-post.ts'
import type { Endpoint } from './endpoint.ts'

export const revoke: Endpoint = {
  path: '/revoke',
  refuse: sendRefusal,
  allowsAnyOrigin: true,
  post: clientPost(async (c, fields, deps) => {
    await revokeToken(fields, c.req.header('Authorization'), deps, contextOf(c))
    return new JsonAnswer({})
  }),
}
