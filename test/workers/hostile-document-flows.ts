/** Flows of clients by metadata document, for the tests on a hostile platform. */

import { expect } from 'vitest'
import { age, forgetAttempt, newDocument, visit } from './document-clients.ts'
import { refreshFlow } from './hostile-client-flows.ts'
import { type Flow, fixtures, read, type Service } from './hostile-story.ts'

/** After this time the host may be requested again. */
const LATER_SECONDS = 10

export const newDocumentPage: Flow = {
  name: 'GET /authorize of a client with a new metadata document',
  format: 'page',
  expected: '200 Allow access to your account?',
  whileNotShown: '303 /login',
  async begin() {
    const client = await newDocument()
    const ask = ({ fetch }: Service) =>
      visit(fixtures.cookie, client, { scope: 'public:read' }, fetch)
    return {
      ask,
      async check({ answer, again, afterRetry }) {
        await age(client, LATER_SECONDS)
        const page = answer.status === 200 ? answer : await read(await ask(again))
        await afterRetry()
        expect(page.status).toBe(200)
        expect(page.text).toContain('Example host')
      },
    }
  },
}

const refreshing = refreshFlow(
  'refresh by a client whose metadata document is not fresh',
  () => fixtures.documentClient,
)

export const refreshByDocument: Flow = {
  ...refreshing,
  async begin(service) {
    // An earlier run may have requested the document without success.
    await forgetAttempt(fixtures.documentClient)
    const run = await refreshing.begin(service)
    await age({ ...fixtures.documentClient, callback: '' }, 700)
    return run
  },
}
