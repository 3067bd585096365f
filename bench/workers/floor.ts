/**
 * The floor: a handler that only makes the same storage calls with the same statements, and answers. It checks nothing,
 * digests nothing and mints nothing, so no authorization server can be cheaper on this storage.
 */

import {
  codeIn,
  findClientNear,
  issued,
  keep,
  passed,
  redeem,
  refused,
  serveFloor,
  tokenIn,
} from './bare-handler.ts'
import { plainKey } from './requests.ts'

export const floor = () =>
  serveFloor(plainKey, {
    async token_cold(request, prepared, session) {
      await request.arrayBuffer()
      await findClientNear(prepared)
      await keep(prepared, session, crypto.randomUUID())
      return issued()
    },
    async token_warm(request, prepared, session) {
      await request.arrayBuffer()
      await keep(prepared, session, crypto.randomUUID())
      return issued()
    },
    async exchange(request, prepared, session, context) {
      const keys = { codeKey: codeIn(await request.text()), sessionKey: crypto.randomUUID() }
      if (!(await redeem(prepared, keys, context))) return refused()
      await keep(prepared, session, keys.sessionKey)
      return issued()
    },
    async check(request, { SESSIONS }) {
      if ((await SESSIONS.get(tokenIn(request))) === null) return refused()
      return passed()
    },
  })

export default floor()
