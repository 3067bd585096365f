/** `client listing`: whether a client is in the public directory. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ServedState, servedState } from './command-line.ts'

let state: ServedState
beforeAll(async () => {
  state = await servedState()
})
afterAll(() => state.close())

type Shown = Record<string, unknown> & { listing: Record<string, unknown> | null }
const create = async () =>
  (
    await state.json<{ client_id: string }>([
      ...['client', 'create', '--name', 'Helper', '--owner', 'u-17'],
    ])
  ).client_id
const listing = (id: string, ...words: string[]) =>
  state.json<Shown>(['client', 'listing', id, ...words])
const listed = async (listingState: string) =>
  (
    (await state.json(['client', 'list', '--listing', listingState])) as { client_id: string }[]
  ).map(({ client_id }) => client_id)

describe('client listing', () => {
  it('client listing requests, lists, declines and takes back a listing, and client list --listing filters by state', async () => {
    const id = await create()
    expect((await listing(id, 'request')).listing).toMatchObject({ state: 'requested' })
    expect(await listed('requested')).toContain(id)
    expect((await listing(id, 'list')).listing).toMatchObject({ state: 'listed', reason: '' })
    expect([await listed('requested'), await listed('listed')]).toEqual([[], [id]])
    const declined = await listing(id, 'decline', '--reason', 'It is "empty".')
    expect(declined.listing).toMatchObject({ state: 'declined', reason: 'It is "empty".' })
    expect(await state.json(['client', 'show', id])).toMatchObject({ listing: declined.listing })
    expect(await listed('declined')).toEqual([id])
    expect((await listing(id, 'take-back')).listing).toBe(null)
    expect(await listed('declined')).toEqual([])
  })

  it('a refused change of a listing prints the reason, and a wrong verb is wrong usage', async () => {
    const id = await create()
    const refused = await state.admin(['client', 'listing', id, 'list'])
    expect([refused.status, refused.stderr]).toEqual([
      1,
      expect.stringContaining('no owner wants the client listed'),
    ])
    expect((await state.admin(['client', 'listing', 'nowhere', 'request'])).status).toBe(1)
    const reason = await state.admin(['client', 'listing', id, 'request', '--reason', 'x'])
    expect([reason.status, reason.stderr]).toEqual([1, expect.stringMatching(/reason/)])
    for (const words of [[id, 'publish'], [id], []]) {
      expect((await state.admin(['client', 'listing', ...words])).status).toBe(2)
    }
    expect((await state.admin(['client', 'list', '--listing', 'other'])).status).toBe(2)
  })

  it('export contains no listings, and apply keeps a listing unless it changes the name, which must be decided on again', async () => {
    const id = await create()
    await listing(id, 'request')
    await listing(id, 'list')
    const { stdout: file } = await state.admin(['export', '-', '--section', 'clients'])
    expect(file).toContain(id)
    expect(file).not.toMatch(/listing|listed/)
    const applied = await state.admin(['apply', '-'], file)
    expect([applied.status, await listed('listed')]).toEqual([0, [id]])
    await state.admin(['apply', '-'], file.replaceAll('Helper', 'Renamed'))
    expect([await listed('listed'), await listed('requested')]).toEqual([[], [id]])
  })
})
