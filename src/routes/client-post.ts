/** What the endpoints for clients share: a form with each parameter once, and floods of bad secrets refused. */

import type { Context, Handler } from 'hono'
import { refuseFlood } from '../http/flood.ts'
import { readForm } from '../http/form.ts'
import { OAuthError } from '../protocol/errors.ts'
import { type Fields, readFields } from '../protocol/fields.ts'
import type { RouteDeps } from './endpoint.ts'

export const clientPost =
  (
    deps: Pick<RouteDeps, 'refusalLimit'>,
    answer: (c: Context, fields: Fields) => Promise<Response>,
  ): Handler =>
  async (c) => {
    const fields = readFields(await readForm(c))
    try {
      return await answer(c, fields)
    } catch (cause) {
      // Only failures are counted: a good client is never slowed down by its own success.
      const failedAuthentication = cause instanceof OAuthError && cause.code === 'invalid_client'
      if (failedAuthentication) await refuseFlood(c, deps.refusalLimit)
      throw cause
    }
  }
