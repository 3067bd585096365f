/** Flows of services at the authenticator, for the tests on a hostile platform. */

import { expect } from 'vitest'
import { refusalParts } from '../../src/protocol/bearer.ts'
import {
  bodyOf,
  type Flow,
  fixtures,
  read,
  type Service,
  serviceOn,
  summaryOf,
} from './hostile-story.ts'
import { proofOf, resourceProofOf } from './keys.ts'
import { sendAs } from './obtaining.ts'
import { credentialsOf, post } from './registry.ts'

const GOOD = '200 authenticated'
const INVALID = '401 invalid_token'

/** Sends a token to the authenticator. */
type Show = (service: Service, token: string) => Promise<Response>

const overHttp =
  (path: string): Show =>
  ({ auth }, token) =>
    auth(path, { headers: { Authorization: `Bearer ${token}` } })

/** The outcome over the binding, written as the response over HTTP. */
const overBinding =
  (immediate: boolean): Show =>
  async ({ authenticate }, token) => {
    const outcome = await authenticate({ authorization: `Bearer ${token}`, immediate })
    if (outcome.kind === 'refused') return new Response(...refusalParts(outcome.refusal))
    const Authorization = JSON.stringify(outcome)
    return Response.json({}, { headers: { 'X-Auth-Status': outcome.kind, Authorization } })
  }

type Shown = Readonly<{ isRevoked: boolean; asksD1: boolean; isSigned: boolean }>

const authFlow = (name: string, show: Show, { isRevoked, asksD1, isSigned }: Shown): Flow => ({
  name: `${name} with ${isRevoked ? 'a revoked' : 'a live'} ${isSigned ? 'signed token' : 'token'}`,
  format: 'auth',
  expected: isRevoked ? INVALID : GOOD,
  // A signed token has no session in KV. Its revocation is in the document, or in D1 for a check with `fresh`.
  ...(!isSigned && { whileNotShown: INVALID }),
  ...(isSigned && !asksD1 && { whileNotShown: GOOD }),
  ...(!isSigned && isRevoked && !asksD1 && { whileStale: GOOD }),
  async begin({ fetch }) {
    const client = isSigned ? fixtures.signedClient : fixtures.client
    const response = await post('/token', credentialsOf(client), {}, fetch)
    const token = bodyOf(await read(response)).access_token
    if (isRevoked) await sendAs(client, '/revoke', { token }, fetch)
    const ask = (service: Service) => show(service, token)
    return {
      ask,
      async check({ answer, again, afterRetry }) {
        expect(answer.headers.has('Authorization')).toBe(answer.status === 200)
        // Within the bound an isolate may use its cached document, so the request goes to a new isolate.
        const retried = isSigned ? serviceOn({}) : again
        expect((await ask(retried)).status).toBe(isRevoked ? 401 : 200)
        await afterRetry()
      },
    }
  },
})

export const authFlows: readonly Flow[] = [false, true].flatMap((isSigned) =>
  [false, true].flatMap((isRevoked) => {
    const [bounded, immediate] = [false, true].map((asksD1) => ({ isRevoked, asksD1, isSigned }))
    return [
      authFlow('/auth', overHttp('/auth'), bounded as Shown),
      authFlow('/auth?fresh', overHttp('/auth?fresh'), immediate as Shown),
      authFlow('authenticate()', overBinding(false), bounded as Shown),
      authFlow('authenticate(), immediate,', overBinding(true), immediate as Shown),
    ]
  }),
)

export const withProof = async () => ({ DPoP: await proofOf(fixtures.key) })

/** The request for a token that is bound to the key. */
export const boundCredentials = async () => ({
  fields: credentialsOf(fixtures.client),
  headers: await withProof(),
})

/** With `fresh` D1 knows every used proof; without it an isolate knows only the proofs that it has seen. */
export const boundFlow = (path: '/auth' | '/auth?fresh'): Flow => ({
  name: `${path} with a bound token and a proof`,
  format: 'auth',
  expected: GOOD,
  whileNotShown: INVALID,
  async begin({ fetch }) {
    const { fields, headers } = await boundCredentials()
    const token = bodyOf(await read(await post('/token', fields, headers, fetch))).access_token
    const prove = () => resourceProofOf(fixtures.key, token, 'https://a.example/auth')
    const show = (DPoP: string, { auth }: Service) =>
      auth(path, { headers: { Authorization: `DPoP ${token}`, DPoP } })
    const proof = await prove()
    return {
      ask: (service) => show(proof, service),
      async check({ answer, again, afterRetry }) {
        expect((await show(await prove(), again)).status).toBe(200)
        const shownAgain = await read(await show(proof, again))
        await afterRetry()
        const answers = [answer, shownAgain, await read(await show(proof, again))]
        const good = answers.filter(({ status }) => status === 200)
        expect(good.length, 'good twice').toBeLessThanOrEqual(path === '/auth' ? 2 : 1)
        expect(summaryOf(answers[2] ?? answer, 'auth')).toBe('401 invalid_dpop_proof')
      },
    }
  },
})
