/** What is good once, and what was good once and is shown again, as stories for a hostile platform. */

import { expect } from 'vitest'
import { tokensFor } from './hostile-client-flows.ts'
import {
  bodyOf,
  cast,
  expectDead,
  expectGoodToken,
  expectRefusedGrant,
  type Flow,
  healthy,
  INVALID,
  inWords,
  read,
  type Service,
} from './hostile-story.ts'
import { asserting, assertionOf, proofOf, resourceProofOf } from './keys.ts'
import { identityOf, renewal } from './obtaining.ts'
import { credentialsOf, obtainCode, post, redemptionOf, requestOf } from './registry.ts'

type Asked = Readonly<{ fields: Record<string, string>; headers?: Record<string, string> }>

/** A request at `/token` with something in it that is good once; a client that tries again makes another. */
const onceFlow = (name: string, make: () => Promise<Asked>, refused: string): Flow => ({
  name,
  speaks: 'json',
  truth: '200',
  async begin() {
    const send = ({ fields, headers }: Asked, { fetch }: Service) =>
      post('/token', fields, headers, fetch)
    const made = await make()
    return {
      ask: (service) => send(made, service),
      async judge({ answer, afterRetry }) {
        const shownAgain = await read(await send(made, healthy))
        await expectGoodToken(await read(await send(await make(), healthy)))
        await afterRetry()
        const answers = [answer, shownAgain, await read(await send(made, healthy))]
        const good = answers.filter(({ status }) => status === 200)
        expect(good.length, 'good twice').toBeLessThanOrEqual(1)
        for (const one of good) await expectGoodToken(one)
        expect(inWords(answers[2] ?? answer, 'json')).toBe(refused)
      },
    }
  },
})

export const byAssertion = onceFlow(
  'client_credentials by private_key_jwt',
  async () => ({
    fields: {
      grant_type: 'client_credentials',
      ...asserting(await assertionOf(cast.keyClient.id, cast.key)),
    },
  }),
  '401 invalid_client',
)

export const withProof = async () => ({ DPoP: await proofOf(cast.key) })

const boundCredentials = async (): Promise<Asked> => ({
  fields: credentialsOf(cast.client),
  headers: await withProof(),
})
export const byProof = onceFlow(
  'client_credentials with a DPoP proof',
  boundCredentials,
  '400 invalid_dpop_proof',
)

/** With `fresh` D1 knows every proof; without, an isolate knows those that it was shown. */
export const boundFlow = (path: '/auth' | '/auth?fresh'): Flow => ({
  name: `${path} with a bound token and a proof`,
  speaks: 'auth',
  truth: '200 authenticated',
  whileUnseen: INVALID,
  async begin({ fetch }) {
    const { fields, headers } = await boundCredentials()
    const token = bodyOf(await read(await post('/token', fields, headers, fetch))).access_token
    const prove = () => resourceProofOf(cast.key, token, 'https://a.example/auth')
    const show = (DPoP: string, { auth }: Service) =>
      auth(path, { headers: { Authorization: `DPoP ${token}`, DPoP } })
    const proof = await prove()
    return {
      ask: (service) => show(proof, service),
      async judge({ answer, afterRetry }) {
        expect((await show(await prove(), healthy)).status).toBe(200)
        const shownAgain = await read(await show(proof, healthy))
        await afterRetry()
        const answers = [answer, shownAgain, await read(await show(proof, healthy))]
        const good = answers.filter(({ status }) => status === 200)
        expect(good.length, 'good twice').toBeLessThanOrEqual(path === '/auth' ? 2 : 1)
        expect(inWords(answers[2] ?? answer, 'auth')).toBe('401 invalid_dpop_proof')
      },
    }
  },
})

/** Without PKCE nobody can tell a retry from a copy: all that the code has bought ends. */
export const spentCode: Flow = {
  name: 'a spent code, shown again',
  speaks: 'json',
  truth: '400 invalid_grant',
  async begin({ fetch }) {
    const code = await obtainCode(cast.cookie, requestOf(cast.client), fetch)
    const ask = (service: Service) =>
      post('/token', redemptionOf(cast.client, code), {}, service.fetch)
    const bought = await expectGoodToken(await read(await ask({ ...healthy, fetch })))
    return {
      ask,
      async judge({ answer, afterRetry }) {
        if (answer.status !== 400) await expectRefusedGrant(await ask(healthy))
        await afterRetry()
        await expectDead(bought.access)
        await expectRefusedGrant(await renewal(cast.client, bought.refresh))
      },
    }
  },
}

/** By a public client, which nobody can tell from a thief. */
export const spentRefresh: Flow = {
  name: 'a spent refresh token, shown again',
  speaks: 'json',
  truth: '400 invalid_grant',
  async begin({ fetch: before }) {
    const client = cast.publicClient
    const first = await tokensFor(client, before)
    const second = await expectGoodToken(await read(await renewal(client, first.refresh)))
    const form = { grant_type: 'refresh_token', ...identityOf(client) }
    const ask = ({ fetch }: Service) =>
      post('/token', { ...form, refresh_token: first.refresh }, {}, fetch)
    return {
      ask,
      async judge({ answer, afterRetry }) {
        if (answer.status !== 400) await expectRefusedGrant(await ask(healthy))
        await afterRetry()
        await expectDead(first.access, second.access)
        await expectRefusedGrant(await renewal(client, second.refresh))
      },
    }
  },
}
