/** `/token`: RFC 6749 §3.2. */

import { issueToken } from '../flows/issue-token.ts'
import { circumstancesOf } from '../http/circumstances.ts'
import { refuseFlood } from '../http/flood.ts'
import { readForm } from '../http/form.ts'
import { sendJson, sendRefusal } from '../http/respond.ts'
import { OAuthError } from '../protocol/errors.ts'
import { readFields } from '../protocol/fields.ts'
import { tokenResponse } from '../protocol/token-response.ts'
import type { Endpoint, RouteDeps } from './endpoint.ts'

export const token = (deps: RouteDeps): Endpoint => ({
  path: '/token',
  refuse: sendRefusal,
  post: async (c) => {
    const fields = readFields(await readForm(c))
    try {
      const authorization = c.req.header('Authorization')
      const issued = await issueToken(fields, authorization, deps, circumstancesOf(c))
      return sendJson(c, tokenResponse(issued))
    } catch (cause) {
      // Only failures are counted: a good client is never slowed down by its own success.
      const failedAuthentication = cause instanceof OAuthError && cause.code === 'invalid_client'
      if (failedAuthentication) await refuseFlood(c, deps.refusalLimit)
      throw cause
    }
  },
})
