/** `/revoke`: RFC 7009. */

import { revokeToken } from '../flows/revoke-token.ts'
import { circumstancesOf } from '../http/circumstances.ts'
import { NO_STORE, sendRefusal } from '../http/respond.ts'
import { clientPost } from './client-post.ts'
import type { Endpoint } from './endpoint.ts'

export const revoke: Endpoint = {
  path: '/revoke',
  refuse: sendRefusal,
  allowsAnyOrigin: true,
  post: clientPost(async (c, fields, deps) => {
    await revokeToken(fields, c.req.header('Authorization'), deps, circumstancesOf(c))
    return c.body(null, 200, NO_STORE)
  }),
}
