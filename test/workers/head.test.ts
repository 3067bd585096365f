/** RFC 9110 §9.2.1: HEAD is safe. It writes nothing at any endpoint, not even if GET issues a code there. */

import { beforeAll, expect, it } from 'vitest'
import { ENDPOINTS } from '../../src/app.ts'
import { writesTold } from './counting.ts'
import {
  authorizePath,
  codeIn,
  newClient,
  newUser,
  obtainCode,
  requestOf,
  serve,
  signIn,
} from './registry.ts'

const { bindings, take } = writesTold()
const fetch = serve(bindings)
const paths = ENDPOINTS.flatMap(({ path, get }) => (get ? [path] : []))

let headers: Record<string, string>
let authorizing: string
beforeAll(async () => {
  const client = await newClient()
  const cookie = await signIn(await newUser())
  headers = { Cookie: cookie }
  authorizing = authorizePath(requestOf(client))
  // From now on the consent is remembered, and GET issues a code without the consent page.
  await obtainCode(cookie, requestOf(client))
})

it.each(paths)('HEAD %s of a signed-in user writes nothing', async (path) => {
  const url = path === '/authorize' ? authorizing : path.replace(':code', 'invalid_grant')
  const answer = await fetch(url, { method: 'HEAD', headers })
  expect([answer.status, take()]).toEqual([200, []])
  expect(await answer.text()).toBe('')
})

it('HEAD /authorize has no Location for a signed-in user, and otherwise the status and Location of GET', async () => {
  const answer = await fetch(authorizing, { method: 'HEAD', headers })
  expect(answer.headers.get('Location')).toBeNull()
  const unknown = authorizing.replace(/client_id=[^&]+/, 'client_id=nobody')
  for (const [url, init] of [
    [authorizing, {}],
    [unknown, { headers }],
  ] as const) {
    const got = await fetch(url, init)
    const head = await fetch(url, { ...init, method: 'HEAD' })
    expect([head.status, head.headers.get('Location')]).toEqual([
      got.status,
      got.headers.get('Location'),
    ])
  }
})

it('control: GET /authorize issues a code', async () => {
  take()
  expect(codeIn(await fetch(authorizing, { headers }))).toMatch(/^regc_/)
  expect(take()).toContain('D1 INSERT authorization_code')
})
