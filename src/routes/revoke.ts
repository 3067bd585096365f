/** `/revoke`: RFC 7009. §2.2 defines no body; the body `{}` is for client libraries that parse every 200 response as JSON. */

import { revokeToken } from '../flows/revoke-token.ts'
import { clientPost } from './client-post.ts'
import type { Endpoint } from './endpoint.ts'

export const revocationEndpoint: Endpoint = {
  path: '/revoke',
  allowsAnyOrigin: true,
  post: clientPost(async (c, fields, deps) => {
    await revokeToken(fields, c.req.header('Authorization'), deps, c.get('request'))
    return {}
  }),
}
