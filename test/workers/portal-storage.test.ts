/** The storage operations of the portal: a page costs one KV read and one batch in D1. */

import { beforeAll, describe, expect, it } from 'vitest'
import { PORTAL_PAGES } from '../../src/management/portal/portal-pages.ts'
import { newApprover } from './approving.ts'
import { countedBindings, nothing } from './counting.ts'
import { CLIENT, filled, newOwner, type Owner, ownerWith, register } from './portal.ts'
import { serve } from './registry.ts'

const { bindings, costOf } = countedBindings()
const fetch = serve(bindings)
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

  it('a portal page of a client of others costs no more than that of an own client', async () => {
    for (const path of ['/clients/no-such-client', '/clients/no-such-client/edit']) {
      expect(await costOf(() => owner.get(path), 404)).toEqual({ ...nothing(), d1: 1, kvRead: 1 })
    }
  })

  it('a page without a session cookie, and the stylesheet, cost nothing', async () => {
    for (const path of PATHS) expect(await costOf(() => fetch(at(path)), 303)).toEqual(nothing())
    expect(await costOf(() => fetch('/portal.css'), 200)).toEqual(nothing())
  })

  it('a form with mistakes costs what its page costs, and a form out of date too', async () => {
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
})
