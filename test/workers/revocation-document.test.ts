/** The document of bulk revocations in KV: the order of two versions, malformed documents, and how often it is read. */

import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { sessionKeyOf } from '../../src/crypto/digest.ts'
import { withDeadline } from '../../src/deadline.ts'
import type { SessionKey } from '../../src/domain/ids.ts'
import {
  DOCUMENT_REFRESH_SECONDS,
  emptyDocument,
  newerDocument,
  readDocument,
} from '../../src/domain/revocation.ts'
import { KnownSessions, liveSessions } from '../../src/stores/live-sessions.ts'
import { DOCUMENT_KEY, FIND_VERSION } from '../../src/stores/revocation-document.ts'
import { revocationStatements } from '../../src/stores/revocation-statements.ts'
import { revocationStore } from '../../src/stores/revocations.ts'
import { over } from './counting.ts'
import { LIFETIME_SECONDS, record, storeToken } from './stored-session.ts'

const { DB, SESSIONS } = env
const store = (sessions = SESSIONS) => revocationStore(DB, sessions, LIFETIME_SECONDS)

let subjects = 0
/** A client and a token that was issued to it one second ago. */
async function session() {
  subjects += 1
  const client = record().client
  if (!client) throw new Error('no client')
  const clientId = `client-${subjects}`
  const start_time = new Date(Date.now() - 1000).toISOString()
  const token = await storeToken({ client: { ...client, client_id: clientId }, start_time })
  return { clientId, key: await sessionKeyOf(token) }
}
const revokeInD1 = (clientId: string) =>
  DB.batch(revocationStatements(DB, { kind: 'client', clientId }, LIFETIME_SECONDS))
const version = () => DB.prepare(FIND_VERSION).first<number>('version')

/** An isolate that reads only KV, with a clock of its own. */
function isolate(sessions = SESSIONS) {
  const known = new KnownSessions()
  const live = liveSessions(sessions, null, known)
  let nowMs = Date.now()
  return {
    known,
    live,
    check: async (key: SessionKey) => (await live.find(key, nowMs, false)) !== null,
    passTime: (seconds = DOCUMENT_REFRESH_SECONDS) => {
      nowMs += seconds * 1000
    },
  }
}

/** Ends every wait at once. */
const skipWaits = () =>
  vi
    .spyOn(globalThis, 'setTimeout')
    .mockImplementation(((run: () => void) => queueMicrotask(run)) as typeof setTimeout)

beforeEach(async () => {
  await DB.prepare('DELETE FROM revocation').run()
  await SESSIONS.delete(DOCUMENT_KEY)
})
afterEach(async () => {
  vi.restoreAllMocks()
  // The tests of other files read the document too.
  await SESSIONS.delete(DOCUMENT_KEY)
})

describe('the version of the revocations', () => {
  it('the version in D1 grows with every bulk revocation, and not with the revocation of one session', async () => {
    const first = (await version()) ?? 0
    expect(first).toBeLessThanOrEqual(Date.now())
    await revokeInD1('a')
    const second = (await version()) ?? 0
    expect(second).toBeGreaterThan(first)
    await revokeInD1('a')
    const third = (await version()) ?? 0
    expect(third).toBeGreaterThan(second)
    await store().endSessions(['a key' as SessionKey])
    await store().markShown(['a key' as SessionKey])
    expect(await version()).toBe(third)
  })
})

describe('two versions of the document', () => {
  it('an isolate uses the newer of two documents, whichever it reads last', async () => {
    const [one, two] = [await session(), await session()]
    await revokeInD1(one.clientId)
    await store().project()
    const older = (await SESSIONS.get(DOCUMENT_KEY)) ?? ''
    await revokeInD1(two.clientId)
    await store().project()
    const newer = (await SESSIONS.get(DOCUMENT_KEY)) ?? ''
    expect(JSON.parse(newer).version).toBeGreaterThan(JSON.parse(older).version)

    const asked = isolate()
    expect([await asked.check(one.key), await asked.check(two.key)]).toEqual([false, false])
    const later = await session()
    await SESSIONS.put(DOCUMENT_KEY, older)
    asked.passTime()
    expect(await asked.check(later.key)).toBe(true)
    expect(asked.known.document).toEqual(readDocument(JSON.parse(newer)))
    // Control: an isolate that has not read the newer document uses the older one.
    expect(await isolate().check(two.key)).toBe(true)
  })

  it('two documents of one version are merged, with the later moment of each revocation', () => {
    const known = { ...emptyDocument, version: 7, client: { a: 1, b: 5 }, token: new Set(['x']) }
    const read = {
      ...emptyDocument,
      version: 7,
      client: { b: 4, c: 3 },
      user: { d: 2 },
      token: new Set(['y']),
    }
    expect(newerDocument(known, read)).toEqual({
      ...emptyDocument,
      version: 7,
      client: { a: 1, b: 5, c: 3 },
      user: { d: 2 },
      token: new Set(['x', 'y']),
    })
  })

  it('a late write of an older document is followed by a write of the newer one', async () => {
    const [one, two] = [await session(), await session()]
    await revokeInD1(one.clientId)
    let isFirst = true
    const slow = over(SESSIONS, {
      async put(...words: Parameters<KVNamespace['put']>) {
        // Another writer revokes and writes its document before this write arrives.
        if (isFirst) {
          isFirst = false
          await revokeInD1(two.clientId)
          await store().project()
        }
        return SESSIONS.put(...words)
      },
    })
    const waits = skipWaits()
    await store(slow).project()
    // KV takes one write a second.
    expect(waits.mock.calls).toEqual([[expect.any(Function), 1100]])
    const written = JSON.parse((await SESSIONS.get(DOCUMENT_KEY)) ?? '') as typeof emptyDocument
    expect(Object.keys(written.client).sort()).toEqual([one.clientId, two.clientId].sort())
    expect(written.version).toBe(await version())
    expect(await isolate().check(two.key)).toBe(false)
  })

  it('a write of the document fails with an error about KV when each attempt is followed by a newer revocation', async () => {
    const { clientId } = await session()
    await revokeInD1(clientId)
    const overtaken = over(SESSIONS, {
      async put(...words: Parameters<KVNamespace['put']>) {
        await revokeInD1(clientId)
        return SESSIONS.put(...words)
      },
    })
    skipWaits()
    await expect(store(overtaken).project()).rejects.toThrow('faster than KV')
  })

  it('the document can list the subject __proto__', async () => {
    await revokeInD1('__proto__')
    await store().project()
    expect(await SESSIONS.get(DOCUMENT_KEY)).toContain('"__proto__"')
    const { known, check } = isolate()
    await check((await session()).key)
    expect(Object.hasOwn(known.document.client, '__proto__')).toBe(true)
  })
})

const whole = {
  client: { a: 1 },
  client_record: {},
  user: {},
  consent: {},
  resource: {},
  token: ['x'],
  version: 3,
}
/** The same as `readDocument` returns it. */
const read = { ...whole, token: new Set(['x']) }

describe('malformed documents', () => {
  const broken: [string, unknown][] = [
    ['that is a string', 'revocations'],
    ['that is a list', []],
    ['that is null', null],
    ['without any member', {}],
    ...['client', 'client_record', 'user', 'consent'].map(
      (kind) => [`without ${kind}`, { ...whole, [kind]: undefined }] as [string, unknown],
    ),
    ['with a list for resources', { ...whole, resource: [] }],
    ['with a list for a kind', { ...whole, user: [] }],
    ['with null for a kind', { ...whole, user: null }],
    ['with a text for a moment', { ...whole, user: { b: '2' } }],
    ['with null for a moment', { ...whole, user: { b: null } }],
    ['with a fraction for a moment', { ...whole, user: { b: 1.5 } }],
    ['with an object for the tokens', { ...whole, token: {} }],
    ['with a number among the tokens', { ...whole, token: ['a', 5] }],
    ['with a text for its version', { ...whole, version: '4' }],
    ['with a version below zero', { ...whole, version: -1 }],
  ]

  it.each(broken)('a document %s is not read', (_, value) => {
    expect(readDocument(value)).toBeNull()
  })

  it('a valid document is read, and one without a version is read as version 0', () => {
    expect(readDocument(whole)).toEqual(read)
    const { version: _, ...before } = whole
    expect(readDocument(before)).toEqual({ ...read, version: 0 })
  })

  it('a document without the members resource and token is read, and revokes no resource and no signed token', () => {
    const { resource: _, token: __, ...before } = whole
    expect(readDocument(before)).toEqual({ ...read, resource: {}, token: new Set() })
  })

  it.each<[string, string]>([
    ...broken.map(([name, value]): [string, string] => [name, JSON.stringify(value) ?? '']),
    ['that is malformed JSON', '{"client":'],
  ])(
    'a document %s makes every check fail, and no isolate forgets a revocation',
    async (_, text) => {
      const [revoked, other] = [await session(), await session()]
      await revokeInD1(revoked.clientId)
      await store().project()
      const good = (await SESSIONS.get(DOCUMENT_KEY)) ?? ''
      const asked = isolate()
      expect(await asked.check(other.key)).toBe(true)
      const before = asked.known.document
      await SESSIONS.put(DOCUMENT_KEY, text ?? '')
      asked.passTime()
      await expect(asked.check(other.key)).rejects.toThrow('malformed')
      await expect(isolate().check(other.key)).rejects.toThrow('malformed')
      expect(asked.known.document).toBe(before)
      await SESSIONS.put(DOCUMENT_KEY, good)
      expect([await asked.check(other.key), await asked.check(revoked.key)]).toEqual([true, false])
    },
  )

  it('cron replaces a malformed document and leaves a valid one', async () => {
    const { key, clientId } = await session()
    await SESSIONS.put(DOCUMENT_KEY, '{}')
    await store().repairKv()
    expect(await isolate().check(key)).toBe(true)
    const [empty, puts] = [await SESSIONS.get(DOCUMENT_KEY), vi.fn()]
    await store(over(SESSIONS, { put: puts })).repairKv()
    expect(puts).not.toHaveBeenCalled()
    expect(readDocument(JSON.parse(empty ?? ''))).not.toBeNull()
    await revokeInD1(clientId)
    await SESSIONS.put(DOCUMENT_KEY, '{}')
    await store().repairKv()
    expect(await isolate().check(key)).toBe(false)
  })
})

describe('concurrent checks in one isolate', () => {
  /** KV whose reads of the document wait until the test releases them. */
  function slowDocument() {
    const waiting: ((outcome: 'read' | 'fail') => void)[] = []
    const sessions = over(SESSIONS, {
      get: (async (key: string) => {
        if (key !== DOCUMENT_KEY) return SESSIONS.get(key)
        const outcome = await new Promise<'read' | 'fail'>((resolve) => waiting.push(resolve))
        if (outcome === 'fail') throw new Error('out of reach')
        return SESSIONS.get(key)
      }) as KVNamespace['get'],
    })
    return { sessions, waiting }
  }
  const settled = async (checks: readonly Promise<boolean>[]) =>
    (await Promise.allSettled(checks)).map((one) =>
      one.status === 'fulfilled' ? one.value : 'fault',
    )

  it('50 concurrent checks share one read of the document', async () => {
    const [revoked, other] = [await session(), await session()]
    await revokeInD1(revoked.clientId)
    await store().project()
    const { sessions, waiting } = slowDocument()
    const { check, passTime } = isolate(sessions)
    const keys = Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? revoked.key : other.key))
    const checks = keys.map(check)
    await expect.poll(() => waiting.length).toBe(1)
    waiting[0]?.('read')
    expect(await settled(checks)).toEqual(keys.map((key) => key === other.key))
    expect(waiting).toHaveLength(1)
    // The document is read again after ten seconds.
    passTime()
    const late = check(other.key)
    await expect.poll(() => waiting.length).toBe(2)
    waiting[1]?.('read')
    expect(await late).toBe(true)
  })

  it('each concurrent check reads the document itself when the shared read fails', async () => {
    const { key } = await session()
    const { sessions, waiting } = slowDocument()
    const { check } = isolate(sessions)
    const checks = settled(Array.from({ length: 5 }, () => check(key)))
    await expect.poll(() => waiting.length).toBe(1)
    waiting[0]?.('fail')
    await expect.poll(() => waiting.length).toBeGreaterThan(1)
    for (const answer of waiting) answer('read')
    expect(await checks).toEqual(['fault', true, true, true, true])
    expect(await check(key)).toBe(true)
  })

  it('concurrent checks wait at most a second for a shared read that does not answer', async () => {
    const { key } = await session()
    const { sessions, waiting } = slowDocument()
    const known = new KnownSessions()
    const bounded = withDeadline(liveSessions(sessions, null, known), 4)
    const first = bounded.find(key, Date.now(), false)
    await expect.poll(() => waiting.length).toBe(1)
    const others = Array.from(
      { length: 5 },
      async () => (await bounded.find(key, Date.now(), false)) !== null,
    )
    await expect.poll(() => waiting.length).toBeGreaterThan(1)
    const answering = setInterval(() => {
      for (const answer of waiting.slice(1)) answer('read')
    }, 5)
    expect(await settled(others)).toEqual([true, true, true, true, true])
    clearInterval(answering)
    // The shared read is answered only now.
    waiting[0]?.('read')
    expect(await first).not.toBeNull()
  })
})
