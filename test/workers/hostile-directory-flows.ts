/** Flows of the directory, for the tests on a hostile platform. */

import { expect } from 'vitest'
import { listClient } from '../../src/flows/registration/listings.ts'
import { checkPage } from './hostile-browser-flows.ts'
import { type Answer, type Flow, read, type Service } from './hostile-story.ts'
import { addressOf, newListed, newWord, search, stateOf, withDirectory } from './listed.ts'
import { newOwner, ownerWith, register } from './portal.ts'
import { admin } from './registering.ts'

/** Each run searches for a new word, which is not in the edge cache. */
const readDirectory: Flow = {
  name: 'GET /directory',
  format: 'page',
  expected: '200 Directory of applications',
  async begin() {
    const word = newWord()
    await newListed({ name: word })
    const ask = ({ fetch }: Service) => fetch(addressOf({ q: word }))
    return { ask, check: checkPage(ask, () => `<bdi>${word}</bdi>`) }
  },
}

/** Each run has another id in its URLs. */
const withoutId = (answer: Response, id: string) => {
  const headers = new Headers(answer.headers)
  const location = headers.get('Location')
  if (location !== null) headers.set('Location', location.replace(id, 'ID'))
  return new Response(answer.body, { status: answer.status, headers })
}

/** The repeated form is refused with 409, because the first one changed the version of the client. */
const listingFlow = (
  act: 'ask_listing' | 'take_back_listing',
  before: (id: string) => Promise<unknown>,
  holds: (id: string, word: string) => Promise<void>,
): Flow => ({
  name: `POST /clients/{id}/listing, ${act}`,
  format: 'page',
  expected: '303 /clients/ID',
  whileNotShown: '403 You are signed out',
  async begin() {
    const [owner, word] = [await newOwner(withDirectory), newWord()]
    const { id } = await register(owner, { name: word })
    const path = `/clients/${id}/listing`
    if (act === 'take_back_listing') await owner.submit(path, {}, 'ask_listing')
    await before(id)
    const fields = await owner.form(path, act)
    const send = async ({ fetch }: Service) =>
      withoutId(await ownerWith(owner.user, owner.cookie, fetch).send(path, fields), id)
    return {
      ask: send,
      async check({ answer, again, afterRetry }) {
        const retried: Answer = answer.status === 303 ? answer : await read(await send(again))
        await afterRetry()
        expect([303, 409]).toContain(retried.status)
        await holds(id, word)
      },
    }
  },
})

export const directoryFlows: readonly Flow[] = [
  readDirectory,
  listingFlow(
    'ask_listing',
    async () => {},
    async (id) => expect(await stateOf(id)).toBe('requested'),
  ),
  listingFlow(
    'take_back_listing',
    (id) => listClient(admin(), id),
    async (id, word) => expect([await stateOf(id), (await search(word)).names]).toEqual([null, []]),
  ),
]
