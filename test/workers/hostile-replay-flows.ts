/** Flows of single-use credentials and of spent ones, for the tests on a hostile platform. */

import { expect } from 'vitest'
import { boundCredentials } from './hostile-auth-flows.ts'
import { tokensFor } from './hostile-client-flows.ts'
import {
  expectEnded,
  expectGoodToken,
  expectRefusedGrant,
  type Flow,
  fixtures,
  healthy,
  jsonFlow,
  read,
  type Service,
  summaryOf,
} from './hostile-story.ts'
import { asserting, assertionOf } from './keys.ts'
import { identityOf, renewal } from './obtaining.ts'
import { obtainCode, post, redemptionOf, requestOf, type TestClient } from './registry.ts'

type Asked = Readonly<{ fields: Record<string, string>; headers?: Record<string, string> }>

/** A request to `/token` with a single-use credential. A client that tries again makes a new one. */
const onceFlow = (name: string, make: () => Promise<Asked>, refused: string): Flow =>
  jsonFlow(name, '200', async () => {
    const send = ({ fields, headers }: Asked, { fetch }: Service) =>
      post('/token', fields, headers, fetch)
    const made = await make()
    return {
      ask: (service) => send(made, service),
      async check({ answer, again, afterRetry }) {
        const shownAgain = await read(await send(made, again))
        await expectGoodToken(await read(await send(await make(), again)))
        await afterRetry()
        const answers = [answer, shownAgain, await read(await send(made, again))]
        const good = answers.filter(({ status }) => status === 200)
        expect(good.length, 'good twice').toBeLessThanOrEqual(1)
        for (const one of good) await expectGoodToken(one)
        expect(summaryOf(answers[2] ?? answer, 'json')).toBe(refused)
      },
    }
  })

export const byAssertion = onceFlow(
  'client_credentials by private_key_jwt',
  async () => ({
    fields: {
      grant_type: 'client_credentials',
      ...asserting(await assertionOf(fixtures.keyClient.id, fixtures.key)),
    },
  }),
  '401 invalid_client',
)

export const byProof = onceFlow(
  'client_credentials with a DPoP proof',
  boundCredentials,
  '400 invalid_dpop_proof',
)

/** Without PKCE a retry looks like a stolen copy, so the tokens of the code end. */
export const spentCode = (name: string, of: () => TestClient): Flow =>
  jsonFlow(name, '400 invalid_grant', async ({ fetch }) => {
    const code = await obtainCode(fixtures.cookie, requestOf(of()), fetch)
    const ask = (service: Service) => post('/token', redemptionOf(of(), code), {}, service.fetch)
    const issued = await expectGoodToken(await read(await ask({ ...healthy, fetch })))
    return {
      ask,
      async check({ answer, again, afterRetry }) {
        if (answer.status !== 400) await expectRefusedGrant(await ask(again))
        await afterRetry()
        await expectEnded(issued.access)
        await expectRefusedGrant(await renewal(of(), issued.refresh, {}, healthy.fetch))
      },
    }
  })

/** Its successor was used, so this is no retry, and the family ends. */
export const spentRefresh = (name: string, of: () => TestClient): Flow =>
  jsonFlow(name, '400 invalid_grant', async ({ fetch: before }) => {
    const client = of()
    const first = await tokensFor(client, before)
    const second = await expectGoodToken(
      await read(await renewal(client, first.refresh, {}, before)),
    )
    const third = await expectGoodToken(
      await read(await renewal(client, second.refresh, {}, before)),
    )
    const form = { grant_type: 'refresh_token', ...identityOf(client) }
    const ask = ({ fetch }: Service) =>
      post('/token', { ...form, refresh_token: first.refresh }, {}, fetch)
    return {
      ask,
      async check({ answer, again, afterRetry }) {
        if (answer.status !== 400) await expectRefusedGrant(await ask(again))
        await afterRetry()
        await expectEnded(first.access, second.access, third.access)
        await expectRefusedGrant(await renewal(client, third.refresh, {}, healthy.fetch))
      },
    }
  })
