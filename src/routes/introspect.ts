/** `/introspect`: RFC 7662. For servers, so not for scripts of other origins. */

import { introspect } from '../flows/introspect.ts'
import { sendErrorJson } from '../http/error-json.ts'
import { introspectionResponse } from '../protocol/introspection-response.ts'
import { clientPost } from './client-post.ts'
import type { Endpoint } from './endpoint.ts'

export const introspectionEndpoint: Endpoint = {
  path: '/introspect',
  sendError: sendErrorJson,
  post: clientPost(async (c, fields, deps) => {
    const authorization = c.req.header('Authorization')
    const token = await introspect(fields, authorization, deps, c.var.request)
    return introspectionResponse(token, deps.issuer)
  }),
}
