/** `/clients/{id}/check`: each kind of failure, and that the checker answers as the endpoint does, without its effects. */

import { describe, expect, it } from 'vitest'
import {
  ASSERTION_CASES,
  AUTHORIZATION_CASES,
  type Case,
  type Scene,
  sceneOf,
  signing,
  TOKEN_CASES,
} from './check-cases.ts'
import { asCurl, asForm, checked, type Sent, type Verdict } from './checking.ts'
import { writesTold } from './counting.ts'
import { ownerWith } from './portal.ts'
import { everything } from './registering.ts'
import { registry, sentTo, serve } from './registry.ts'

const { bindings, take } = writesTold()
const watched = serve(bindings)

/** The status and the error of the endpoint; null if it grants the request. */
async function served({ method, path, headers, body }: Sent, { cookie }: Scene) {
  const isToken = path.startsWith('/token')
  const answer = await registry(path, {
    method,
    headers: { ...headers, ...(!isToken && { Cookie: cookie }) },
    ...(body !== null && { body }),
  })
  if (isToken) {
    const { error } = (await answer.json()) as { error?: string }
    return error === undefined ? null : `${answer.status} ${error}`
  }
  const error = sentTo(answer).searchParams.get('error')
  if (error !== null) return error
  const page = await answer.text()
  // The page that lets the user return to the client has the error in a link.
  const shown = /(?:\/errors\/|[?;]error=)([a-z_]+)/.exec(page)?.[1]
  return answer.status === 303 || answer.status === 200 ? (shown ?? null) : (shown ?? 'refused')
}

async function expectVerdict({ fails, says = [] }: Case, verdict: Verdict) {
  expect([verdict.status, verdict.failed]).toEqual([
    200,
    fails === null ? null : expect.stringContaining(fails),
  ])
  for (const part of says) expect(verdict.why).toContain(part)
  expect(verdict.verdict).toMatch(fails === null ? /^Every check passes/ : /^The request fails/)
  if (fails === null) expect(verdict.notReached).toEqual([])
  const { passed, failed, notReached } = verdict
  const all = [...passed, ...(failed === null ? [] : [failed]), ...notReached]
  expect(new Set(all).size).toBe(all.length)
}

/** Checks the request as a curl command and as raw HTTP, and then sends it. */
async function expectAgreement(one: Case, scene: Scene) {
  const sent = await one.send(scene)
  const owner = ownerWith(scene.user, scene.cookie, watched)
  const before = await everything()
  take()
  const verdict = await checked(owner, scene.client.id, asCurl(sent))
  await expectVerdict(one, verdict)
  const asRaw = await checked(owner, scene.client.id, asForm(sent))
  expect([asRaw.failed, asRaw.passed]).toEqual([verdict.failed, verdict.passed])
  expect(take()).toEqual([])
  expect(await everything()).toEqual(before)
  const answer = await served(sent, scene)
  if (one.fails === null) expect(answer).toBe(null)
  else expect(verdict.answer).toContain(answer)
}

describe('a token request that an owner pastes', () => {
  it.each(TOKEN_CASES)(
    '$title: the checker says what the endpoint answers and why, and changes nothing',
    async (one) => expectAgreement(one, await sceneOf(one)),
  )

  it.each(ASSERTION_CASES)(
    '$title: the checker says what the endpoint answers and why, and changes nothing',
    async (one) => expectAgreement(one, await sceneOf({ ...one, registered: await signing() })),
  )
})

describe('an authorization request that an owner pastes', () => {
  it.each(AUTHORIZATION_CASES)(
    '$title: the checker says what the endpoint answers the owner and why, and changes nothing',
    async (one) => expectAgreement(one, await sceneOf(one)),
  )
})
