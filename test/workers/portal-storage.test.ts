/** The storage operations of the portal: a page costs one KV read and one batch in D1. */

import { beforeAll, describe, expect, it } from 'vitest'
import { PORTAL_PAGES } from '../../src/management/portal/portal-pages.ts'
import type { Pair } from '../node/forms.ts'
import { newApprover, newRequest } from './approving.ts'
import { countedBindings, nothing } from './counting.ts'
import {
  CLIENT,
  filled,
  newOwnedClient,
  newOwner,
  type Owner,
  offer,
  offerForm,
  ownerWith,
  register,
} from './portal.ts'
import {
  ISSUER,
  newClient,
  newUser,
  obtainCode,
  redemptionOf,
  requestOf,
  serve,
  signIn,
} from './registry.ts'

const { bindings, costOf } = countedBindings()
/** With the directory, so that each page is there. */
const fetch = serve({ ...bindings, DIRECTORY: 'on' })
const PATHS = PORTAL_PAGES.map(({ path }) => path).filter((path) => path !== '/portal.css')

let owner: Owner
let id: string
beforeAll(async () => {
  const { user, cookie } = await newApprover()
  owner = ownerWith(user, cookie, fetch)
  id = (await register(owner)).id
})
const at = (path: string) => path.replace(':client_id', id)

describe('storage operations of the portal', () => {
  it.each(PATHS)('%s costs one KV read and one batch in D1', async (path) => {
    expect(await costOf(() => owner.get(at(path)), 200)).toEqual({ ...nothing(), d1: 1, kvRead: 1 })
  })

  it("a portal page of another owner's client costs no more than that of an own client", async () => {
    for (const path of ['/clients/no-such-client', '/clients/no-such-client/edit']) {
      expect(await costOf(() => owner.get(path), 404)).toEqual({ ...nothing(), d1: 1, kvRead: 1 })
    }
  })

  it('a portal page without a session cookie, and the stylesheet, cost no storage operation', async () => {
    for (const path of PATHS) expect(await costOf(() => fetch(at(path)), 303)).toEqual(nothing())
    expect(await costOf(() => fetch('/portal.css'), 200)).toEqual(nothing())
  })

  it('a check of a request costs its page and the reads of the request, and writes nothing', async () => {
    const path = at('/clients/:client_id/check')
    const fields = await owner.form(path)
    const check = (request: string) => () => owner.send(path, filled(fields, { request }))
    const costs = [
      [`curl ${ISSUER}/token -d grant_type=client_credentials -u ${id}:x`, 2],
      [`curl ${ISSUER}/token -d grant_type=client_credentials -u another-client:x`, 1],
      [`${ISSUER}/authorize?response_type=code&client_id=${id}&code_challenge=x`, 2],
      ['nothing that is a request', 1],
    ] as const
    for (const [request, d1] of costs) {
      const status = d1 === 1 && !request.startsWith('curl') ? 400 : 200
      expect(await costOf(check(request), status)).toEqual({ ...nothing(), d1, kvRead: 1 })
    }
    const user = await newUser()
    const cookie = await signIn(user)
    const client = await newClient({ ownerId: user.id })
    const code = await obtainCode(cookie, requestOf(client))
    const redemption = new URLSearchParams(redemptionOf(client, code)).toString()
    const theirs = ownerWith(user, cookie, fetch)
    const form = await theirs.form(`/clients/${client.id}/check`)
    const send = () =>
      theirs.send(`/clients/${client.id}/check`, filled(form, { request: redemption }))
    // The page, the client, the code, and whether it may be spent.
    expect(await costOf(send, 200)).toEqual({ ...nothing(), d1: 4, kvRead: 1 })
  })

  it('a form with errors, or of another session, costs what its page costs', async () => {
    const path = at('/clients/:client_id/edit')
    const fields = await owner.form(path)
    const wrong = () => owner.send(path, filled(fields, { name: '' }))
    expect(await costOf(wrong, 400)).toEqual({ ...nothing(), d1: 1, kvRead: 1 })
    const other = await newOwner()
    const theirs = await other.form('/new-client')
    const foreign = () => owner.send('/new-client', filled(theirs, CLIENT))
    // The refusal of a form of another session is recorded.
    expect(await costOf(foreign, 403)).toEqual({ ...nothing(), d1: 2, kvRead: 1 })
  })

  it('a change in the portal costs one read and one batch more than its page', async () => {
    const path = at('/clients/:client_id/edit')
    const fields = await owner.form(path)
    const edit = () => owner.send(path, filled(fields, { name: 'Changed' }))
    expect(await costOf(edit, 303)).toEqual({ ...nothing(), d1: 3, kvRead: 1 })
  })

  it('an answer to an offer costs what a change costs, and an answer to an offer that is gone writes nothing', async () => {
    const { owner: other, id: offered } = await newOwnedClient()
    await offer(other, offered, owner.user.username)
    const fields = (await offerForm(owner, offered)) ?? []
    const accept = () => owner.send('/clients', [...fields, ['act', 'accept']])
    expect(await costOf(accept, 303)).toEqual({ ...nothing(), d1: 3, kvRead: 1 })
    const decline = () => owner.send('/clients', [...fields, ['act', 'decline']])
    expect(await costOf(decline, 409)).toEqual({ ...nothing(), d1: 2, kvRead: 1 })
  })

  it('a decision costs what a change costs, a late decision writes nothing, and a refused page costs no more than a page', async () => {
    const ask = async () => (await newRequest({ grant_types: ['client_credentials'] })).path
    const [path, late] = [await ask(), await ask()]
    const approve = async (to: string) => [...(await owner.form(to)), ['act', 'approve']] as Pair[]
    const [fields, lateFields] = [await approve(path), await approve(late)]
    const decide = () => owner.send(path, fields)
    expect(await costOf(decide, 303)).toEqual({ ...nothing(), d1: 3, kvRead: 1 })
    await owner.send(late, lateFields)
    const again = () => owner.send(late, lateFields)
    expect(await costOf(again, 409)).toEqual({ ...nothing(), d1: 2, kvRead: 2 })
    const { user, cookie } = await newOwner()
    const other = ownerWith(user, cookie, fetch)
    for (const one of ['/approvals', path]) {
      expect(await costOf(() => other.get(one), 403)).toEqual({ ...nothing(), d1: 1, kvRead: 1 })
    }
    const none = () => owner.get('/approvals/no-such-client')
    expect(await costOf(none, 404)).toEqual({ ...nothing(), d1: 1, kvRead: 1 })
  })
})
