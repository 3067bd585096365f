/** A rotation of SIGNING_KEYS, and a leak, as seen by the authenticator and by clients with real access tokens. */

import { afterEach, describe, expect, it, vi } from 'vitest'
import { createAuthenticator } from '../../src/authenticator/app.ts'
import {
  addKey,
  EXPIRED_AFTER_SECONDS,
  formatKeys,
  PUBLISHED_AFTER_SECONDS,
  promoteKey,
  retireKey,
} from '../../src/crypto/key-rotation.ts'
import { publicKeys, type SigningKeys } from '../../src/crypto/signing-keys.ts'
import { MAX_SIGNED_TOKEN_SECONDS } from '../../src/domain/resource.ts'
import { KEY_SET_SECONDS } from '../../src/protocol/key-set.ts'
import { KEYS_REFRESHED_SECONDS } from '../../src/stores/verification-keys.ts'
import { credentialsOf, type Fetch, newClient, post, serve, tokenIn } from './registry.ts'
import { newSignedResource } from './signed.ts'
import { newKeys } from './signing.ts'
import { authenticatorEnv, bearer } from './stored-session.ts'

afterEach(() => vi.restoreAllMocks())

const LIFETIME_SECONDS = MAX_SIGNED_TOKEN_SECONDS

/** Registry, authenticators and their clock. `deploy` sets the secret, as wrangler does. */
async function deployment(keys: SigningKeys) {
  const startMs = Date.now()
  const clock = vi.spyOn(Date, 'now')
  const resource = await newSignedResource(['submission:read'], {
    accessTokenLifetimeSeconds: LIFETIME_SECONDS,
  })
  const client = await newClient({ scopes: ['submission:read'] })
  let registry: Fetch
  const REGISTRY = { fetch: async () => registry('/jwks.json') }
  const newIsolate = () => createAuthenticator({ ...authenticatorEnv(), REGISTRY })
  const isolate = newIsolate()
  const deploy = async (next: SigningKeys) => {
    registry = serve({ SIGNING_KEYS: await formatKeys(next), SESSION_LIFETIME_SECONDS: 7200 })
  }
  await deploy(keys)
  return {
    deploy,
    at: (second: number) => clock.mockReturnValue(startMs + second * 1000),
    token: async () =>
      (await tokenIn(await post('/token', credentialsOf(client, { resource }), {}, registry)))
        .access_token,
    /** The answers of an isolate that has run since the beginning, and of a new one. */
    async statuses(token: string) {
      const ask = async (one: typeof isolate) =>
        (
          await one.fetch(
            new Request('https://a.example/auth?required', { headers: bearer(token) }),
          )
        ).status
      return [await ask(isolate), await ask(newIsolate())]
    },
  }
}

describe('a rotation at the authenticator', () => {
  it('the wait before an old key is retired exceeds the longest token lifetime, with five minutes for the change to arrive', () => {
    expect(EXPIRED_AFTER_SECONDS).toBeGreaterThanOrEqual(
      MAX_SIGNED_TOKEN_SECONDS + KEYS_REFRESHED_SECONDS,
    )
    expect(PUBLISHED_AFTER_SECONDS).toBeGreaterThan(KEY_SET_SECONDS + KEYS_REFRESHED_SECONDS)
  })

  it('each step of a rotation, after its wait, keeps the tokens of before and after valid until they expire', async () => {
    const created = await newKeys()
    const added = await addKey(created, 'EdDSA', 0)
    const [old = '', young = ''] = (await publicKeys(added)).keys.map(({ kid }) => kid)
    const promoted = await promoteKey(added, young, 0)
    const retired = await retireKey(promoted, old)
    const { deploy, at, token, statuses } = await deployment(created)
    at(0)
    expect(await statuses(await token())).toEqual([200, 200])
    const steps = [
      [100, added],
      [100 + PUBLISHED_AFTER_SECONDS, promoted],
      [100 + PUBLISHED_AFTER_SECONDS + EXPIRED_AFTER_SECONDS, retired],
    ] as const
    for (const [second, step] of steps) {
      at(second - 2)
      const before = await token()
      await deploy(step)
      at(second + 1)
      const after = await token()
      for (const later of [2, 20, KEYS_REFRESHED_SECONDS + 2, LIFETIME_SECONDS - 3]) {
        at(second + later)
        expect(await statuses(before), `${second} + ${later}`).toEqual([200, 200])
        expect(await statuses(after), `${second} + ${later}`).toEqual([200, 200])
      }
    }
  })

  it('control: when a key is retired at once, the tokens that it signed are refused', async () => {
    const added = await addKey(await newKeys(), 'ES256', 0)
    const [old = '', young = ''] = (await publicKeys(added)).keys.map(({ kid }) => kid)
    const { deploy, at, token, statuses } = await deployment(added)
    at(0)
    const before = await token()
    expect(await statuses(before)).toEqual([200, 200])
    await deploy(await retireKey(await promoteKey(added, young, 0), old))
    at(KEYS_REFRESHED_SECONDS)
    expect(await statuses(before)).toEqual([401, 401])
  })
})

describe('a leaked key', () => {
  it('after a rotation without an overlap new keys are accepted at once, and what the leaked key signs is refused within five minutes', async () => {
    const leaked = await newKeys()
    const { deploy, at, token, statuses } = await deployment(leaked)
    at(0)
    const stolen = await token()
    expect(await statuses(stolen)).toEqual([200, 200])
    await deploy(await newKeys())
    at(11)
    // The new kid makes the isolate read the set again, which ends the old key too.
    expect(await statuses(await token())).toEqual([200, 200])
    expect(await statuses(stolen)).toEqual([401, 401])
  })

  it('an isolate that sees no new token refuses what the leaked key signs within five minutes', async () => {
    const { deploy, at, token, statuses } = await deployment(await newKeys())
    at(0)
    const stolen = await token()
    expect(await statuses(stolen)).toEqual([200, 200])
    await deploy(await newKeys())
    at(KEYS_REFRESHED_SECONDS - 1)
    // An isolate with a cached key set may take the whole bound; a new isolate refuses at once.
    expect(await statuses(stolen)).toEqual([200, 401])
    at(KEYS_REFRESHED_SECONDS)
    expect(await statuses(stolen)).toEqual([401, 401])
  })
})
