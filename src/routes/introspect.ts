/** `/introspect`: RFC 7662, signed if requested (RFC 9701). It is for servers: scripts of other origins may not call it. */

import { signWith } from '../crypto/signed-jwt.ts'
import { introspect } from '../flows/introspect.ts'
import {
  asksForSignedResponse,
  INTROSPECTION_JWT,
  introspectionResponse,
  signedClaims,
} from '../protocol/introspection-response.ts'
import { clientPost } from './client-post.ts'
import type { Endpoint } from './endpoint.ts'

export const introspectionEndpoint: Endpoint = {
  path: '/introspect',
  post: clientPost(async (c, fields, deps) => {
    const authorization = c.req.header('Authorization')
    const { token, asking } = await introspect(fields, authorization, deps, c.get('request'))
    const body = introspectionResponse(token, deps.issuer)
    const { issuer, signingKeys } = deps
    if (!signingKeys || !asksForSignedResponse(c.req.header('Accept'))) return body
    const claims = signedClaims(body, { issuer, clientId: asking, now: c.get('request').now })
    const jwt = await signWith(signingKeys, INTROSPECTION_JWT, claims)
    return c.body(jwt, 200, { 'Content-Type': `application/${INTROSPECTION_JWT}` })
  }),
}
