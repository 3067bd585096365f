/** How the authenticator reads and caches the registry's public keys. */

import { afterEach, describe, expect, it, vi } from 'vitest'
import { registryKeys } from '../../src/authenticator/keys.ts'
import { addKey, formatKeys, retireKey } from '../../src/crypto/key-rotation.ts'
import type { VerificationKeys } from '../../src/crypto/signed-jwt.ts'
import { publicKeys, type SigningKeys } from '../../src/crypto/signing-keys.ts'
import {
  KEYS_KEPT_SECONDS,
  KEYS_REFRESHED_SECONDS,
  remoteVerificationKeys,
} from '../../src/stores/verification-keys.ts'
import { ISSUER, nowSeconds, serve } from './registry.ts'
import { newKeys } from './signing.ts'

const START_MS = 1_800_000_000_000
const at = (seconds: number) => START_MS + seconds * 1000
const kidsOf = async (keys: SigningKeys) => (await publicKeys(keys)).keys.map(({ kid }) => kid)

const one = await newKeys()
const two = await addKey(one, 'EdDSA', nowSeconds())
const [old = '', young = ''] = await kidsOf(two)
const set = await publicKeys(two)
const UNKNOWN_KID = 'A'.repeat(43)

const published = async (keys: readonly SigningKeys[number][]) =>
  Response.json(await publicKeys(keys))

const TIMEOUT_SECONDS = 5

/** Keys from a registry whose responses the test sets. */
function reading(answer: () => Response | Promise<Response>) {
  const source = { answer, reads: 0, faults: [] as string[] }
  const keys = remoteVerificationKeys({
    ask: async () => {
      source.reads += 1
      return source.answer()
    },
    timeoutSeconds: TIMEOUT_SECONDS,
    tell: (fault) => source.faults.push(String(fault)),
  })
  return { source, keys }
}

const expectKeysUnknown = (keys: VerificationKeys, kid: string, nowMs: number) =>
  expect(keys.find(kid, nowMs)).rejects.toThrow('the keys of the registry are not known')

describe('cached keys', () => {
  it('the key set is read once and used for every key until it is five minutes old', async () => {
    const { source, keys } = reading(() => published(two))
    expect((await keys.find(old, at(0)))?.type).toBe('public')
    expect((await keys.find(young, at(KEYS_REFRESHED_SECONDS - 1)))?.algorithm.name).toBe('Ed25519')
    expect(source.reads).toBe(1)
    await keys.find(old, at(KEYS_REFRESHED_SECONDS))
    expect(source.reads).toBe(2)
  })

  it('a key that the registry has removed is refused when the cached set is five minutes old', async () => {
    const { source, keys } = reading(() => published(two))
    await keys.find(old, at(0))
    source.answer = async () => published(await retireKey(two, young))
    expect(await keys.find(young, at(KEYS_REFRESHED_SECONDS - 1))).not.toBeNull()
    expect(await keys.find(young, at(KEYS_REFRESHED_SECONDS))).toBeNull()
    expect(await keys.find(old, at(KEYS_REFRESHED_SECONDS))).not.toBeNull()
    // An empty set is valid: the registry has no keys any more.
    source.answer = () => published([])
    expect(await keys.find(old, at(2 * KEYS_REFRESHED_SECONDS))).toBeNull()
  })

  it('a new kid is found at once, and an unknown kid makes the authenticator read the set once in ten seconds', async () => {
    const { source, keys } = reading(() => published(one))
    await keys.find(old, at(0))
    source.answer = () => published(two)
    expect(await keys.find(young, at(10))).not.toBeNull()
    expect(source.reads).toBe(2)
    for (let second = 10; second < 20; second += 1) {
      expect(await keys.find(UNKNOWN_KID, at(second))).toBeNull()
    }
    expect(source.reads).toBe(2)
    expect(await keys.find(UNKNOWN_KID, at(20))).toBeNull()
    expect(source.reads).toBe(3)
  })

  it('a kid that is no thumbprint is not found, and causes no read', async () => {
    const { source, keys } = reading(() => published(one))
    for (const kid of ['', 'x', `${old}=`, '__proto__', 'a'.repeat(10_000)]) {
      expect(await keys.find(kid, at(0))).toBeNull()
    }
    expect(source.reads).toBe(0)
  })

  it('simultaneous requests read the key set once', async () => {
    const { source, keys } = reading(() => published(two))
    const found = await Promise.all(Array.from({ length: 50 }, () => keys.find(young, at(0))))
    expect(found.every((key) => key !== null)).toBe(true)
    expect(source.reads).toBe(1)
    // The same for a new kid in an isolate that has a set.
    const later = reading(() => published(one))
    await later.keys.find(old, at(0))
    later.source.answer = () => published(two)
    const young50 = Array.from({ length: 50 }, () => later.keys.find(young, at(60)))
    expect((await Promise.all(young50)).every((key) => key !== null)).toBe(true)
    expect(later.source.reads).toBe(2)
  })
})

type Fault = readonly [what: string, answer: () => Response | Promise<Response>]
/** Only the deadline ends these. */
const SILENT: Fault[] = [
  ['never answers', () => new Promise<Response>(() => {})],
  [
    'never ends its answer',
    () => new Response(new ReadableStream({ pull: () => new Promise(() => {}) })),
  ],
]
const FAULTS: Fault[] = [
  ...SILENT,
  ['is down', () => Promise.reject(new TypeError('connection refused'))],
  ['answers 500', () => Response.json(set, { status: 500 })],
  [
    'redirects',
    () => new Response(null, { status: 302, headers: { Location: 'https://evil.example' } }),
  ],
  ['answers with HTML', () => new Response('<!doctype html><title>Sign in</title>')],
  ['answers with nothing', () => new Response('')],
  ['answers with JSON of another kind', () => Response.json({ issuer: ISSUER })],
  ['answers with null', () => Response.json(null)],
  ['answers with keys that are no list', () => Response.json({ keys: {} })],
  ['answers with keys of other types only', () => Response.json({ keys: [{ kty: 'RSA' }, 'x'] })],
  [
    'answers with 5 MB',
    () => {
      // The keys, followed by more bytes than the authenticator reads.
      const parts = [JSON.stringify(set), ...Array.from({ length: 80 }, () => ' '.repeat(65_536))]
      return new Response(
        new ReadableStream({
          pull(controller) {
            const part = parts.shift()
            if (part === undefined) controller.close()
            else controller.enqueue(new TextEncoder().encode(part))
          },
        }),
      )
    },
  ],
]

/** The deadline passes at once for a registry that sends nothing, and never for one that answers, however slow the machine is. */
async function answered<T>(work: Promise<T>): Promise<T> {
  let isSettled = false
  const settle = () => {
    isSettled = true
  }
  work.then(settle, settle)
  while (vi.isFakeTimers() && !isSettled) await vi.advanceTimersByTimeAsync(TIMEOUT_SECONDS * 1000)
  return work
}

describe('a registry that fails', () => {
  afterEach(() => void vi.useRealTimers())
  const fail = (answer: Fault[1]) => {
    if (SILENT.some(([, one]) => one === answer)) {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    }
    return answer
  }

  it.each(FAULTS)(
    'without a cached set a key lookup fails while the registry %s, and says of no key that it is unknown',
    async (_, answer) => {
      const { source, keys } = reading(fail(answer))
      await answered(expectKeysUnknown(keys, old, at(0)))
      await expectKeysUnknown(keys, UNKNOWN_KID, at(0.5))
      expect([source.reads, source.faults.length]).toEqual([1, 1])
      // Once it answers, the next request after a second has the keys.
      source.answer = () => published(two)
      expect(await keys.find(old, at(1))).not.toBeNull()
    },
  )

  it.each(FAULTS)('a cached set is used for a day while the registry %s', async (_, answer) => {
    const { source, keys } = reading(() => published(two))
    await keys.find(old, at(0))
    source.answer = fail(answer)
    expect(await answered(keys.find(old, at(KEYS_REFRESHED_SECONDS)))).not.toBeNull()
    // The registry may have a newer key with this kid.
    await expectKeysUnknown(keys, UNKNOWN_KID, at(KEYS_REFRESHED_SECONDS + 1))
    expect(await keys.find(young, at(KEYS_REFRESHED_SECONDS + 9))).not.toBeNull()
    expect(source.reads).toBe(2)
    expect(await answered(keys.find(young, at(KEYS_KEPT_SECONDS - 1)))).not.toBeNull()
    expect(source.reads).toBe(3)
    await answered(expectKeysUnknown(keys, old, at(KEYS_KEPT_SECONDS)))
    source.answer = () => published(two)
    expect(await keys.find(old, at(KEYS_KEPT_SECONDS + 1))).not.toBeNull()
  })

  it('simultaneous requests without a cached set cause one failed read, and each of them fails', async () => {
    const { source, keys } = reading(() => Promise.reject(new Error('down')))
    const crowd = Array.from({ length: 20 }, () => keys.find(old, at(0)).catch(() => 'unknown'))
    expect(new Set(await Promise.all(crowd))).toEqual(new Set(['unknown']))
    expect(source.reads).toBe(1)
  })

  it('one request waits for a slow registry, and the others use the cached set', async () => {
    const { source, keys } = reading(() => published(two))
    await keys.find(old, at(0))
    let release = (_: Response) => {}
    source.answer = () => new Promise<Response>((resolve) => (release = resolve))
    const first = keys.find(old, at(KEYS_REFRESHED_SECONDS))
    expect(await keys.find(old, at(KEYS_REFRESHED_SECONDS))).not.toBeNull()
    release(await published(two))
    expect(await first).not.toBeNull()
    expect(source.reads).toBe(2)
  })
})

describe('where the authenticator reads the keys', () => {
  it('the authenticator reads the keys over its binding of the registry', async () => {
    const fetch = serve({ SIGNING_KEYS: await formatKeys(two) })
    const asked: string[] = []
    const REGISTRY = {
      fetch: (request: RequestInfo | URL) => {
        const { url } = request as Request
        asked.push(url)
        return fetch(new URL(url).pathname)
      },
    }
    const keys = registryKeys({ ISSUER, REGISTRY }, 5)
    expect(await keys.find(young, Date.now())).not.toBeNull()
    expect(asked).toEqual([`${ISSUER}/jwks.json`])
  })

  it('without the binding the authenticator fetches the keys from the issuer, with cache: no-store and without following a redirect', async () => {
    const logged = vi.spyOn(console, 'error').mockImplementation(() => {})
    const asked = vi.spyOn(globalThis, 'fetch').mockImplementation(() => published(two))
    try {
      const keys = registryKeys({ ISSUER: 'https://auth.example.org' }, 5)
      expect(await keys.find(young, Date.now())).not.toBeNull()
      const [request, options] = asked.mock.calls[0] as unknown as [Request, RequestInit]
      expect([request.url, request.redirect]).toEqual([
        'https://auth.example.org/jwks.json',
        'manual',
      ])
      expect(options).toEqual({ cache: 'no-store' })
      asked.mockImplementation(() => Promise.reject(new TypeError('down')))
      await expectKeysUnknown(registryKeys({ ISSUER: 'https://b.example.org' }, 5), old, Date.now())
      expect(logged.mock.calls.join()).toContain('"event":"key_set_not_read"')
    } finally {
      vi.restoreAllMocks()
    }
  })
})
