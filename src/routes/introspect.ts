/** `/introspect`: RFC 7662. For servers, so not for scripts of other origins. */

import { introspect } from '../flows/introspect.ts'
import { contextOf } from '../http/request-context.ts'
import { JsonAnswer, sendRefusal } from '../http/respond.ts'
import { introspectionResponse } from '../protocol/introspection-response.ts'
import { clientPost } from './client-post.ts'
import type { Endpoint } from './endpoint.ts'

export const introspection: Endpoint = {
  path: '/introspect',
  refuse: sendRefusal,
  post: clientPost(async (c, fields, deps) => {
    const authorization = c.req.header('Authorization')
    const token = await introspect(fields, authorization, deps, contextOf(c))
    return new JsonAnswer(introspectionResponse(token, deps.issuer))
  }),
}
