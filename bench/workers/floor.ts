/**
 * The floor: a bare handler that asks storage for the same things, with the same statements, and answers. It checks
 * nothing, digests nothing and mints nothing: no authorization server can be cheaper on this storage.
 */

import { FIND_CLIENT, findParameters } from '../../src/stores/clients.ts'
import { SPEND_CODE, TOUCH_CONSENT } from '../../src/stores/codes.ts'
import { codeIn, issued, keep, passed, refused, serveFloor, tokenIn } from './bare-handler.ts'
import { TERMS } from './fixture.ts'
import { plainKey } from './requests.ts'

export const floor = () =>
  serveFloor(plainKey, {
    async token_cold(request, prepared, session) {
      await request.arrayBuffer()
      const near = prepared.DB.withSession('first-unconstrained')
      await near
        .prepare(FIND_CLIENT)
        .bind(...findParameters(prepared.credentials.id))
        .first()
      await keep(prepared, session, crypto.randomUUID())
      return issued()
    },
    async token_warm(request, prepared, session) {
      await request.arrayBuffer()
      await keep(prepared, session, crypto.randomUUID())
      return issued()
    },
    async exchange(request, prepared, session, context) {
      const { DB, CODES, credentials } = prepared
      const code = codeIn(await request.text())
      const [carried] = await Promise.all([
        CODES.get(code),
        DB.prepare(FIND_CLIENT)
          .bind(...findParameters(credentials.id))
          .first(),
      ])
      if (carried === null) return refused()
      const key = crypto.randomUUID()
      const now = Math.floor(Date.now() / 1000)
      const [spent] = await DB.batch([
        DB.prepare(SPEND_CODE).bind(code, now, key, null, TERMS),
        DB.prepare(TOUCH_CONSENT).bind(code, key, now),
      ])
      if (spent?.results.length !== 1) return refused()
      await keep(prepared, session, key)
      context.waitUntil(CODES.delete(code))
      return issued()
    },
    async check(request, { SESSIONS }) {
      if ((await SESSIONS.get(tokenIn(request))) === null) return refused()
      return passed()
    },
  })

export default floor()
