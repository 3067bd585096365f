/** Flows of clients and services, for the tests on a hostile platform. */

import { env } from 'cloudflare:workers'
import { expect } from 'vitest'
import { digest } from '../../src/crypto/digest.ts'
import { mayBeSigned } from '../../src/crypto/token.ts'
import {
  bodyOf,
  expectEnded,
  expectFreshAuthorizationWorks,
  expectGoodToken,
  expectRefusedGrant,
  type Flow,
  fixtures,
  healthy,
  isLive,
  jsonFlow,
  liveSessionOf,
  type Outcome,
  read,
  type Service,
} from './hostile-story.ts'
import { identityOf, renewal, sendAs, type Tokens } from './obtaining.ts'
import {
  credentialsOf,
  type Fetch,
  obtainCode,
  PKCE,
  post,
  redemptionOf,
  requestOf,
  type TestClient,
  withChallenge,
} from './registry.ts'
import { claimsOf } from './signed.ts'

/** Checks a single-use grant: it is redeemed once, also by a retry after a failure, and never twice. */
async function checkOnce(
  outcome: Outcome,
  client: TestClient,
  redeem: () => Promise<Response>,
  renew = (refresh: string) => renewal(client, refresh, {}, healthy.fetch),
) {
  const { answer, afterRetry } = outcome
  let isLost = false
  let issued: Tokens | null = null
  if (answer.status === 200) issued = await expectGoodToken(answer)
  else {
    const retry = await read(await redeem())
    isLost = retry.status === 400
    if (isLost) expect(bodyOf(retry).error).toBe('invalid_grant')
    else issued = await expectGoodToken(retry)
  }
  await afterRetry()
  if (isLost) {
    const given = await read(await redeem())
    isLost = given.status === 400
    if (!isLost) issued = await expectGoodToken(given)
  }
  if (issued) {
    expect(await isLive(issued.access), 'ended by a late operation').toBe(true)
    if (issued.refresh !== '') {
      const next = await expectGoodToken(await read(await renew(issued.refresh)))
      expect(next.refresh).not.toBe(issued.refresh)
    }
  }
  await expectRefusedGrant(await redeem())
  if (!isLost) return
  outcome.lost()
  await expectFreshAuthorizationWorks(client)
}

export const codeFlow = (
  name: string,
  of: () => TestClient,
  parameters: Record<string, string>,
  more: Record<string, string>,
): Flow =>
  jsonFlow(name, '200', async ({ fetch }) => {
    const client = of()
    const code = await obtainCode(fixtures.cookie, requestOf(client, parameters), fetch)
    const redeem = (through: Fetch = healthy.fetch) =>
      post('/token', redemptionOf(client, code, more), {}, through)
    return {
      ask: (service) => redeem(service.fetch),
      check: (outcome) => checkOnce(outcome, client, redeem),
    }
  })

/** Whatever fails, a token is for the resource of the request. */
const forResource = (name: string, isRefresh: boolean): Flow =>
  jsonFlow(name, '200', async ({ fetch }) => {
    const { resourceClient: client, resource } = fixtures
    const request = requestOf(client, { ...withChallenge, resource })
    const code = await obtainCode(fixtures.cookie, request, fetch)
    const redemption = redemptionOf(client, code, { code_verifier: PKCE.verifier, resource })
    const first = isRefresh
      ? await expectGoodToken(await read(await post('/token', redemption, {}, fetch)))
      : null
    const redeem = async (through: Fetch = healthy.fetch) => {
      const response = first
        ? await renewal(client, first.refresh, { resource }, through)
        : await post('/token', redemption, {}, through)
      if (response.ok) {
        const session = await liveSessionOf(bodyOf(await read(response.clone())).access_token)
        if (session) expect(session.audience).toEqual([resource])
      }
      return response
    }
    return {
      ask: (service) => redeem(service.fetch),
      check: (outcome) => checkOnce(outcome, client, () => redeem()),
    }
  })
export const codeForResource = forResource('code exchange for a resource', false)
export const refreshForResource = forResource('refresh for a resource', true)

export async function tokensFor(client: TestClient, fetch: Fetch): Promise<Tokens> {
  const code = await obtainCode(fixtures.cookie, requestOf(client, withChallenge), fetch)
  const redemption = redemptionOf(client, code, { code_verifier: PKCE.verifier })
  return expectGoodToken(await read(await post('/token', redemption, {}, fetch)))
}

export const refreshFlow = (
  name: string,
  of: () => TestClient,
  headers: () => Promise<Record<string, string>> = async () => ({}),
): Flow =>
  jsonFlow(name, '200', async ({ fetch }) => {
    const client = of()
    const { refresh } = await tokensFor(client, fetch)
    const form = { grant_type: 'refresh_token', ...identityOf(client) }
    const renew = async (token: string, through: Fetch = healthy.fetch) =>
      post('/token', { ...form, refresh_token: token }, await headers(), through)
    const redeem = () => renew(refresh)
    return {
      ask: (service) => renew(refresh, service.fetch),
      check: (outcome) => checkOnce(outcome, client, redeem, renew),
    }
  })

/** The first response was lost, and so was the session that it opened. */
export const refreshAgain = (name: string, of: () => TestClient): Flow =>
  jsonFlow(name, '200', async ({ fetch }) => {
    const client = of()
    const { refresh } = await tokensFor(client, fetch)
    const lost = await expectGoodToken(
      await read(await renewal(client, refresh, {}, healthy.fetch)),
    )
    await env.SESSIONS.delete(await digest(lost.access))
    const redeem = async (through: Fetch = healthy.fetch) => {
      const response = await renewal(client, refresh, {}, through)
      if (response.ok) {
        const { access_token, refresh_token } = bodyOf(await read(response.clone()))
        expect(refresh_token).toBe(lost.refresh)
        // A signed token has the same claims, and a signature of its own.
        if (!mayBeSigned(lost.access)) expect(access_token).toBe(lost.access)
        else expect(claimsOf(access_token ?? '').jti).toBe(claimsOf(lost.access).jti)
      }
      return response
    }
    return {
      ask: (service) => redeem(service.fetch),
      check: (outcome) => checkOnce(outcome, client, redeem),
    }
  })

const credentialsFlow = (name: string, of: () => TestClient): Flow =>
  jsonFlow(name, '200', async () => {
    const ask = ({ fetch }: Service) => post('/token', credentialsOf(of()), {}, fetch)
    return {
      ask,
      async check({ answer, again, afterRetry }) {
        const good = answer.status === 200 ? answer : await read(await ask(again))
        await afterRetry()
        await expectGoodToken(good)
      },
    }
  })
export const clientCredentials = credentialsFlow('client_credentials', () => fixtures.client)
export const signedCredentials = credentialsFlow(
  'client_credentials with a signed token',
  () => fixtures.signedClient,
)

export const firstOfTheDay: Flow = {
  ...clientCredentials,
  name: 'client_credentials, the first of the day',
  async begin(service) {
    await env.DB.prepare('UPDATE client_credential SET last_used_at = NULL').run()
    const { ask, check } = await clientCredentials.begin(service)
    return {
      ask,
      async check(outcome) {
        await check(outcome)
        await env.DB.prepare('UPDATE client_credential SET last_used_at = unixepoch()').run()
      },
    }
  },
}

export const revokeAccess = (name: string, of: () => TestClient): Flow =>
  jsonFlow(name, '200', async ({ fetch }) => {
    const { access, refresh } = await tokensFor(of(), fetch)
    const ask = (service: Service) => sendAs(of(), '/revoke', { token: access }, service.fetch)
    return {
      ask,
      async check({ answer, again, afterRetry }) {
        if (answer.status !== 200) expect((await ask(again)).status).toBe(200)
        await afterRetry()
        await expectEnded(access)
        await expectGoodToken(await read(await renewal(of(), refresh, {}, healthy.fetch)))
      },
    }
  })

export const revokeRefresh = (name: string, of: () => TestClient): Flow =>
  jsonFlow(name, '200', async ({ fetch }) => {
    const { access, refresh } = await tokensFor(of(), fetch)
    const ask = (service: Service) => sendAs(of(), '/revoke', { token: refresh }, service.fetch)
    const isActive = async (token: string) => {
      const response = await sendAs(of(), '/introspect', { token }, healthy.fetch)
      return ((await response.json()) as { active: boolean }).active
    }
    return {
      ask,
      async check({ answer, again, afterRetry }) {
        const alive = [await isActive(access), await isActive(refresh)]
        expect(alive[0], 'half a family ended').toBe(alive[1])
        if (answer.status === 200) expect(alive).toEqual([false, false])
        else expect((await ask(again)).status).toBe(200)
        await afterRetry()
        await expectEnded(access)
        await expectRefusedGrant(await renewal(of(), refresh, {}, healthy.fetch))
      },
    }
  })

type Kind = 'access' | 'refresh'
export const introspectFlow = (
  kind: Kind,
  isRevoked: boolean,
  of: () => TestClient = () => fixtures.client,
  what: string = kind,
): Flow => ({
  name: `introspect ${isRevoked ? 'a revoked' : 'a live'} ${what} token`,
  format: 'json',
  expected: isRevoked ? '200 inactive' : '200 active',
  // A signed token has no session in KV, and D1 has its revocation.
  ...(what === 'access' && { whileNotShown: '200 inactive' }),
  async begin({ fetch }) {
    const token = (await tokensFor(of(), fetch))[kind]
    if (isRevoked) await sendAs(of(), '/revoke', { token }, fetch)
    const ask = (service: Service) => sendAs(of(), '/introspect', { token }, service.fetch)
    return {
      ask,
      async check({ again, afterRetry }) {
        const retry = await ask(again)
        expect(((await retry.json()) as { active: boolean }).active).toBe(!isRevoked)
        await afterRetry()
      },
    }
  },
})

let networks = 0

/** An attacker guesses a secret, each time from a new network, while the client itself authenticates. */
export const wrongSecret: Flow = {
  name: 'client_credentials with a wrong secret',
  format: 'json',
  expected: '401 invalid_client',
  async begin() {
    networks += 1
    const from = { 'CF-Connecting-IP': `2001:db8:0:${networks.toString(16)}::1` }
    const guess = credentialsOf({ ...fixtures.client, secret: 'summer2019' })
    const ask = ({ fetch }: Service) => post('/token', guess, from, fetch)
    return {
      ask,
      async check({ again, afterRetry }) {
        expect((await ask(again)).status).toBe(401)
        await afterRetry()
        const good = await post('/token', credentialsOf(fixtures.client), from, healthy.fetch)
        await expectGoodToken(await read(good))
      },
    }
  },
}

export const health: Flow = {
  name: '/healthz',
  format: 'json',
  expected: '200',
  async begin() {
    const ask = ({ fetch }: Service) => fetch('/healthz')
    return { ask, check: async ({ again }) => expect((await ask(again)).status).toBe(200) }
  },
}
