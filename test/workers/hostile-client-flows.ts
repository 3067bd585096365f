/** Flows of clients and services, for the tests on a hostile platform. */

import { env } from 'cloudflare:workers'
import { expect } from 'vitest'
import {
  bodyOf,
  cast,
  expectDead,
  expectFreshAuthorizationWorks,
  expectGoodToken,
  expectRefusedGrant,
  type Flow,
  healthy,
  isLive,
  read,
  type Service,
  type Told,
} from './hostile-story.ts'
import { identityOf, renewal, sendAs, type Tokens } from './obtaining.ts'
import {
  credentialsOf,
  type Fetch,
  obtainCode,
  PKCE,
  post,
  redemptionOf,
  registry,
  requestOf,
  type TestClient,
  withChallenge,
} from './registry.ts'

/** Checks a single-use grant: it is redeemed once, also by a retry after a failure, and never twice. */
async function judgeOnce(
  told: Told,
  client: TestClient,
  redeem: () => Promise<Response>,
  renew = (refresh: string) => renewal(client, refresh),
) {
  const { answer, afterRetry } = told
  let isBurned = false
  let bought: Tokens | null = null
  if (answer.status === 200) bought = await expectGoodToken(answer)
  else {
    const retry = await read(await redeem())
    isBurned = retry.status === 400
    if (isBurned) expect(bodyOf(retry).error).toBe('invalid_grant')
    else bought = await expectGoodToken(retry)
  }
  await afterRetry()
  if (isBurned) {
    const given = await read(await redeem())
    isBurned = given.status === 400
    if (!isBurned) bought = await expectGoodToken(given)
  }
  if (bought) {
    expect(await isLive(bought.access), 'ended by what came late').toBe(true)
    if (bought.refresh !== '') {
      const next = await expectGoodToken(await read(await renew(bought.refresh)))
      expect(next.refresh).not.toBe(bought.refresh)
    }
  }
  await expectRefusedGrant(await redeem())
  if (!isBurned) return
  told.burned()
  await expectFreshAuthorizationWorks(client)
}

export const codeFlow = (
  name: string,
  of: () => TestClient,
  parameters: Record<string, string>,
  more: Record<string, string>,
): Flow => ({
  name,
  speaks: 'json',
  truth: '200',
  async begin({ fetch }) {
    const client = of()
    const code = await obtainCode(cast.cookie, requestOf(client, parameters), fetch)
    const redeem = (through: Fetch = registry) =>
      post('/token', redemptionOf(client, code, more), {}, through)
    return {
      ask: (service) => redeem(service.fetch),
      judge: (told) => judgeOnce(told, client, redeem),
    }
  },
})

export async function tokensFor(client: TestClient, fetch: Fetch): Promise<Tokens> {
  const code = await obtainCode(cast.cookie, requestOf(client, withChallenge), fetch)
  const redemption = redemptionOf(client, code, { code_verifier: PKCE.verifier })
  return expectGoodToken(await read(await post('/token', redemption, {}, fetch)))
}

export const refreshFlow = (
  name: string,
  of: () => TestClient,
  headers: () => Promise<Record<string, string>> = async () => ({}),
): Flow => ({
  name,
  speaks: 'json',
  truth: '200',
  async begin({ fetch }) {
    const client = of()
    const { refresh } = await tokensFor(client, fetch)
    const form = { grant_type: 'refresh_token', ...identityOf(client) }
    const renew = async (token: string, through: Fetch = registry) =>
      post('/token', { ...form, refresh_token: token }, await headers(), through)
    const redeem = () => renew(refresh)
    return {
      ask: (service) => renew(refresh, service.fetch),
      judge: (told) => judgeOnce(told, client, redeem, renew),
    }
  },
})

export const clientCredentials: Flow = {
  name: 'client_credentials',
  speaks: 'json',
  truth: '200',
  async begin() {
    const ask = ({ fetch }: Service) => post('/token', credentialsOf(cast.client), {}, fetch)
    return {
      ask,
      async judge({ answer, again, afterRetry }) {
        const good = answer.status === 200 ? answer : await read(await ask(again))
        await afterRetry()
        await expectGoodToken(good)
      },
    }
  },
}

export const firstOfTheDay: Flow = {
  ...clientCredentials,
  name: 'client_credentials, the first of the day',
  async begin(service) {
    await env.DB.prepare('UPDATE client_credential SET last_used_at = NULL').run()
    const { ask, judge } = await clientCredentials.begin(service)
    return {
      ask,
      async judge(told) {
        await judge(told)
        await env.DB.prepare('UPDATE client_credential SET last_used_at = unixepoch()').run()
      },
    }
  },
}

export const revokeAccess: Flow = {
  name: 'revoke an access token',
  speaks: 'json',
  truth: '200',
  async begin({ fetch }) {
    const { access, refresh } = await tokensFor(cast.client, fetch)
    const ask = (service: Service) =>
      sendAs(cast.client, '/revoke', { token: access }, service.fetch)
    return {
      ask,
      async judge({ answer, again, afterRetry }) {
        if (answer.status !== 200) expect((await ask(again)).status).toBe(200)
        await afterRetry()
        await expectDead(access)
        await expectGoodToken(await read(await renewal(cast.client, refresh)))
      },
    }
  },
}

export const revokeRefresh: Flow = {
  name: 'revoke a refresh token',
  speaks: 'json',
  truth: '200',
  async begin({ fetch }) {
    const { access, refresh } = await tokensFor(cast.client, fetch)
    const ask = (service: Service) =>
      sendAs(cast.client, '/revoke', { token: refresh }, service.fetch)
    const isActive = async (token: string) => {
      const told = await sendAs(cast.client, '/introspect', { token })
      return ((await told.json()) as { active: boolean }).active
    }
    return {
      ask,
      async judge({ answer, again, afterRetry }) {
        const alive = [await isActive(access), await isActive(refresh)]
        expect(alive[0], 'half a family ended').toBe(alive[1])
        if (answer.status === 200) expect(alive).toEqual([false, false])
        else expect((await ask(again)).status).toBe(200)
        await afterRetry()
        await expectDead(access)
        await expectRefusedGrant(await renewal(cast.client, refresh))
      },
    }
  },
}

type Kind = 'access' | 'refresh'
export const introspectFlow = (kind: Kind, isRevoked: boolean): Flow => ({
  name: `introspect ${isRevoked ? 'a revoked' : 'a live'} ${kind} token`,
  speaks: 'json',
  truth: isRevoked ? '200 inactive' : '200 active',
  ...(kind === 'access' && { whileUnseen: '200 inactive' }),
  async begin({ fetch }) {
    const token = (await tokensFor(cast.client, fetch))[kind]
    if (isRevoked) await sendAs(cast.client, '/revoke', { token }, fetch)
    const ask = (service: Service) => sendAs(cast.client, '/introspect', { token }, service.fetch)
    return {
      ask,
      async judge({ again, afterRetry }) {
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
  speaks: 'json',
  truth: '401 invalid_client',
  async begin() {
    networks += 1
    const from = { 'CF-Connecting-IP': `2001:db8:0:${networks.toString(16)}::1` }
    const guess = credentialsOf({ ...cast.client, secret: 'summer2019' })
    const ask = ({ fetch }: Service) => post('/token', guess, from, fetch)
    return {
      ask,
      async judge({ again, afterRetry }) {
        expect((await ask(again)).status).toBe(401)
        await afterRetry()
        const good = await post('/token', credentialsOf(cast.client), from, healthy.fetch)
        await expectGoodToken(await read(good))
      },
    }
  },
}

export const health: Flow = {
  name: '/healthz',
  speaks: 'json',
  truth: '200',
  async begin() {
    const ask = ({ fetch }: Service) => fetch('/healthz')
    return { ask, judge: async ({ again }) => expect((await ask(again)).status).toBe(200) }
  },
}
