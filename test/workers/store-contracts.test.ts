/**
 * The contract of each store, on the bindings themselves and on the wrapped bindings of the tests of faults, which
 * must keep the same contract.
 */

import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { hexDigest } from '../../src/crypto/digest.ts'
import { randomId, randomText } from '../../src/crypto/random.ts'
import type { AuthorizationCode } from '../../src/domain/authorization-code.ts'
import type {
  ClientId,
  RegisteredRedirectUri,
  SessionKey,
  TokenDigest,
} from '../../src/domain/ids.ts'
import { NO_AUDIENCE } from '../../src/domain/resource.ts'
import { type SessionRecord, sessionRecord } from '../../src/domain/session.ts'
import { authorizationStore } from '../../src/stores/authorizations.ts'
import { clientCache } from '../../src/stores/client-cache.ts'
import { clientStore } from '../../src/stores/clients.ts'
import { codeStore } from '../../src/stores/codes.ts'
import { connectedApplicationStore } from '../../src/stores/connected-applications.ts'
import type { Database, Namespace } from '../../src/stores/database.ts'
import { liveSessions, sessionStore } from '../../src/stores/live-sessions.ts'
import { refreshTokenStore } from '../../src/stores/refresh-tokens.ts'
import { refusalStore } from '../../src/stores/refusals.ts'
import { revocationStore } from '../../src/stores/revocations.ts'
import { signInFailureStore } from '../../src/stores/sign-in-failures.ts'
import type { Purchase, Terms } from '../../src/stores/spending-ports.ts'
import { FIND_JTI, jtiDigest, usedJtiStore } from '../../src/stores/used-jtis.ts'
import { userStore } from '../../src/stores/users.ts'
import { DAY_SECONDS } from '../days.ts'
import { watchedBindings } from './counting.ts'
import { hostilePlatform } from './hostile-platform.ts'
import { codeRecord } from './obtaining.ts'
import { CALLBACK, newClient, newUser, nowSeconds } from './registry.ts'

type Bindings = Readonly<{ DB: Database; SESSIONS: Namespace; CODES: Namespace }>

const LIFETIME_SECONDS = 7200
const at = nowSeconds()
const atMs = at * 1000
const anyDigest = () => randomText() as TokenDigest
const anyKey = () => randomText() as SessionKey
const NO_CLIENT = 'nobody' as ClientId
const NOTHING_ASKED = { scopes: [], endorsements: [] }

const KINDS: readonly (readonly [name: string, bindings: Bindings])[] = [
  ['the bindings', env],
  ['watched bindings', watchedBindings(() => {})],
  ['a hostile platform without a fault', hostilePlatform().bindings],
]

describe.each(KINDS)('the store contracts on %s', (kind, { DB, SESSIONS, CODES }) => {
  const clients = clientStore(DB, () => DB)
  const codes = codeStore(DB, CODES)
  const authorizations = authorizationStore(DB, CODES)
  const sessions = sessionStore(SESSIONS)
  const live = () => liveSessions(SESSIONS, DB)
  const refreshTokens = refreshTokenStore(DB)
  const revocations = revocationStore(DB, SESSIONS, LIFETIME_SECONDS)
  const users = userStore(DB)

  /** A client and a user, and a code granted between them. */
  async function granted(isRemembered = false) {
    const client = await newClient({ grantTypes: ['authorization_code', 'refresh_token'] })
    const { id: userId, username } = await newUser()
    const scopes = ['public:read']
    const user = { userId, username, email: 'a@example.org', scopes, endorsements: [] }
    const code = codeRecord(client.id, user, at)
    const key = anyDigest()
    const consent = { scopes: 'public:read', resources: '', fingerprint: 'f', declined: [] }
    expect(await authorizations.grant(key, code, isRemembered ? consent : null, atMs)).toBeNull()
    return { client, code, key, userId }
  }
  const terms: Terms = { scopes: ['public:read'], usersAreExternal: false, proof: null }
  function purchaseOf(code: AuthorizationCode, proof: Terms['proof'] = null): Purchase {
    const { clientId, user, redirectUri } = code
    const granted = { ...NO_AUDIENCE, clientId, user, redirectUri, jkt: null, endedAt: null }
    const family = { ...granted, familyId: randomId(), expiresAt: at + DAY_SECONDS }
    const issued = { family, tokenDigest: anyDigest(), idleSeconds: 3600 }
    const sessionKey = anyKey()
    const registered = CALLBACK as RegisteredRedirectUri
    const held = { ...terms, proof, redirectUri: registered }
    const { userId } = user
    return { sessionKey, clientId, userId, asOfMs: atMs, terms: held, family: issued }
  }
  const familiesOf = async (userId: string) => {
    const families = DB.prepare('SELECT family_id FROM refresh_family WHERE user_id = ?1')
    const { results } = await families.bind(userId).all<{ family_id: string }>()
    return results.map(({ family_id }) => family_id)
  }
  /** A family after a code exchange. */
  async function renewable() {
    const { code, key, userId, client } = await granted()
    const purchase = purchaseOf(code)
    await codes.spend(key, purchase, at)
    const familyId = purchase.family?.family.familyId ?? ''
    const family = { familyId, clientId: client.id }
    return { familyId, family, userId, client, first: purchase.family?.tokenDigest as TokenDigest }
  }
  const successor = (proof: Terms['proof'] = null) => ({
    tokenDigest: anyDigest(),
    sessionKey: anyKey(),
    salt: randomText(),
    resources: '',
    jkt: null,
    terms: { ...terms, proof },
    idleSeconds: 3600,
  })
  const rotate = async (...asked: Parameters<typeof refreshTokens.rotate>) =>
    (await refreshTokens.rotate(...asked)).kind

  async function opened(lifetimeSeconds = LIFETIME_SECONDS) {
    const key = anyKey()
    const session: SessionRecord = sessionRecord({
      sessionId: randomId(),
      nonce: randomText(),
      user: null,
      client: await clients.find((await newClient()).id),
      redirectUri: '',
      scopes: ['public:read'],
      endorsements: [],
      audience: [],
      ipAddress: '',
      jkt: null,
      asOfMs: atMs,
      startAtMs: atMs,
      lifetimeSeconds,
    })
    await sessions.put(key, session, lifetimeSeconds)
    return { key, session }
  }

  it(`the client store finds a client fresh or cached, and records the use of a secret, on ${kind}`, async () => {
    const { id, secret } = await newClient()
    const found = await clients.find(id)
    expect(found).toMatchObject({ clientId: id, redirectUris: [CALLBACK], disabledAt: null })
    expect(await clients.findFresh(id)).toEqual({ ...found, readAtMs: expect.any(Number) })
    await clients.touchCredential(id, await hexDigest(secret), at)
    expect((await clients.findFresh(id))?.credentials).toMatchObject([{ lastUsedAt: at }])
    const away = () => {
      throw new Error('the replica is away')
    }
    expect(await clientStore(DB, away).findFresh(id)).toMatchObject({ clientId: id })
    expect([await clients.find(NO_CLIENT), await clients.findFresh(NO_CLIENT)]).toEqual([
      null,
      null,
    ])
  })

  it(`the client cache states when it read its copy, until the copy is too old or read again, on ${kind}`, async () => {
    const { id } = await newClient()
    const settings = { clientCacheSeconds: 10, staleClientSeconds: 60 }
    const cache = clientCache(new Map(), { clients }, settings)
    expect((await cache.lookUp(id, atMs, [])).keptSinceMs).toBeNull()
    expect((await cache.lookUp(id, atMs + 9999, [])).keptSinceMs).toBe(atMs)
    expect((await cache.lookUp(id, atMs + 10_000, [])).keptSinceMs).toBeNull()
    expect(await cache.reload(id, atMs + 12_000, [])).toMatchObject({ clientId: id })
    expect((await cache.lookUp(id, atMs + 13_000, [])).keptSinceMs).toBe(atMs + 12_000)
  })

  it(`the authorization store writes the code to D1 and to KV, and remembers the consent, on ${kind}`, async () => {
    const { client, code, key, userId } = await granted(true)
    expect(await codes.findOnLedger(key)).toEqual(code)
    expect(await codes.findCarried(key)).toEqual(code)
    const { consent } = await users.standing(userId, client.id, NOTHING_ASKED)
    expect(consent).toEqual({ scopes: 'public:read', resources: '', fingerprint: 'f' })
  })

  it(`the code store lets one of several simultaneous requests spend a code, and only this request can undo it, on ${kind}`, async () => {
    const { code, key, userId } = await granted()
    const purchases = Array.from({ length: 5 }, () => purchaseOf(code))
    const spent = await Promise.all(purchases.map((purchase) => codes.spend(key, purchase, at)))
    const winner = spent.findIndex(({ kind }) => kind === 'won')
    const won = purchases[winner] as Purchase
    expect(spent.filter(({ kind }) => kind === 'again')).toHaveLength(4)
    expect(spent[winner]).toMatchObject({ kind: 'won', user: { userId } })
    const families = purchases.map(({ family }) =>
      refreshTokens.find(family?.tokenDigest as TokenDigest),
    )
    expect((await Promise.all(families)).map((one) => one !== null)).toEqual(
      purchases.map((one) => one === won),
    )
    expect(await familiesOf(userId)).toEqual([won.family?.family.familyId])
    // The same request again, as after a lost response, has the same result.
    expect((await codes.spend(key, won, at)).kind).toBe('won')
    const again = {
      kind: 'again',
      spentAt: at,
      sessionKey: won.sessionKey,
      familyId: won.family?.family.familyId,
    }
    await codes.unspend(key, purchaseOf(code))
    expect(await codes.spend(key, purchaseOf(code), at + 1)).toEqual(again)
    await codes.unspend(key, won)
    expect(await familiesOf(userId)).toEqual([])
    expect((await codes.spend(key, purchaseOf(code), at + 1)).kind).toBe('won')
    expect(await codes.spend(anyDigest(), won, at)).toEqual({ kind: 'unknown' })
  })

  it(`the code store deletes a code from KV and keeps it in D1, on ${kind}`, async () => {
    const { code, key } = await granted()
    await codes.forget(key)
    expect(await codes.findCarried(key)).toBeNull()
    expect(await codes.findOnLedger(key)).toEqual(code)
  })

  it(`the session store finds a session until it expires, on ${kind}`, async () => {
    const { key, session } = await opened()
    expect(await live().find(key, atMs, false)).toEqual(session)
    expect(await live().find(key, atMs + LIFETIME_SECONDS * 1000, false)).toBeNull()
    expect(await live().findShown(key, atMs)).toEqual(session)
    expect(await live().holds(key, session)).toBe(true)
    expect(await live().find(anyKey(), atMs, true)).toBeNull()
    const [kept] = (await env.SESSIONS.list({ prefix: key })).keys
    expect(kept?.expiration).toBeLessThanOrEqual(nowSeconds() + LIFETIME_SECONDS)
  })

  it(`the revocation store ends one session in D1 and for every reader of KV, on ${kind}`, async () => {
    const { key, session } = await opened()
    expect(await revocations.endSessions([key])).toBe(true)
    await revocations.markShown([key])
    expect(await live().holds(key, session)).toBe(false)
    expect(await live().find(key, atMs, false)).toBeNull()
    // After markShown cron does not repeat the write: a session that overwrites the tombstone record stays.
    await SESSIONS.put(key, JSON.stringify(session))
    await revocations.repairKv()
    expect(await live().find(key, atMs, false)).toEqual(session)
    const asked = live()
    expect(await asked.find(key, atMs, true)).toBeNull()
    // A session that this isolate has seen revoked stays revoked when KV shows it again.
    expect(await asked.findShown(key, atMs)).toBeNull()
  })

  it(`the revocation store ends a family with its sessions, and a repetition changes nothing, on ${kind}`, async () => {
    const { familyId, family, first } = await renewable()
    const next = successor()
    expect(await rotate(first, family, next, at)).toBe('won')
    const { session } = await opened()
    await sessions.put(next.sessionKey, session, LIFETIME_SECONDS)
    for (let times = 0; times < 2; times++) {
      expect(await revocations.endFamily(familyId)).toBe(true)
      expect((await refreshTokens.find(next.tokenDigest))?.family.endedAt).toEqual(
        expect.any(Number),
      )
      expect(await live().find(next.sessionKey, atMs, false)).toBeNull()
    }
    expect(await refreshTokens.rotate(next.tokenDigest, family, successor(), at)).toMatchObject({
      kind: 'lost',
      standing: { family: { endedAt: expect.any(Number) } },
    })
  })

  it(`the revocation store ends everything that one user granted one client, on ${kind}`, async () => {
    const { client, key, code, userId } = await granted(true)
    await revocations.removeConsent(userId, client.id)
    expect((await users.standing(userId, client.id, NOTHING_ASKED)).consent).toBeNull()
    expect((await codes.spend(key, purchaseOf(code), at)).kind).toBe('again')
    await revocations.project()
    expect(await SESSIONS.get('revocations')).toContain(`${userId} ${client.id}`)
  })

  it(`the refresh token store lets one of several simultaneous requests rotate a token, and only this rotation can be undone, on ${kind}`, async () => {
    const { family, first, userId } = await renewable()
    expect(await refreshTokens.find(first)).toMatchObject({ spentAt: null, user: { userId } })
    const next = Array.from({ length: 5 }, () => successor())
    const kinds = await Promise.all(next.map((one) => rotate(first, family, one, at + 1)))
    const won = kinds.map((kind) => kind === 'won')
    expect(won.filter(Boolean)).toHaveLength(1)
    const winner = next[won.indexOf(true)] as ReturnType<typeof successor>
    expect((await refreshTokens.find(first))?.spentAt).toBe(at + 1)
    expect(await refreshTokens.find(winner.tokenDigest)).toMatchObject({ spentAt: null })
    const found = await Promise.all(next.map((one) => refreshTokens.find(one.tokenDigest)))
    expect(found.map((one) => one !== null)).toEqual(won)
    await refreshTokens.unrotate(first, successor(), 'own salt')
    expect((await refreshTokens.find(first))?.spentAt).toBe(at + 1)
    await refreshTokens.unrotate(first, winner, 'own salt')
    expect(await refreshTokens.find(first)).toMatchObject({ spentAt: null, salt: 'own salt' })
    expect(await refreshTokens.find(winner.tokenDigest)).toBeNull()
  })

  it(`the refresh token store repeats a successor while it is unused, and undoes a rotation once all its responses are undone, on ${kind}`, async () => {
    const { family, first } = await renewable()
    const next = successor()
    const repeat = async (proof: Terms['proof'] = null) => {
      const repeated = { ...next, terms: { ...next.terms, proof } }
      return (await refreshTokens.repeat(first, family, repeated)).kind
    }
    expect(await repeat()).toBe('lost')
    expect(await rotate(first, family, next, at)).toBe('won')
    expect((await refreshTokens.find(first))?.successor).toMatchObject({
      tokenDigest: next.tokenDigest,
      isSpent: false,
      derivation: { salt: next.salt, scopes: next.terms.scopes },
    })
    const proof = { owner: randomId(), jti: randomId(), expiresAt: at + 60 }
    expect([await repeat(), await repeat(proof), await repeat(proof)]).toEqual([
      'won',
      'won',
      'proof_used',
    ])
    // Three responses: the rotation and two repetitions.
    for (const spentAt of [at, at, null]) {
      await refreshTokens.unrotate(first, next, null)
      expect((await refreshTokens.find(first))?.spentAt).toBe(spentAt)
    }
    expect(await rotate(first, family, next, at)).toBe('won')
    expect(await rotate(next.tokenDigest, family, successor(), at)).toBe('won')
    expect(await repeat()).toBe('lost')
    await refreshTokens.unrotate(first, next, null)
    expect((await refreshTokens.find(first))?.spentAt).toBe(at)
  })

  it(`the code and refresh token stores spend one of several tokens with one proof, and record a proof only with a spent token, on ${kind}`, async () => {
    const proof = { owner: randomId(), jti: randomId(), expiresAt: at + 60 }
    const isUsed = async () =>
      (await DB.prepare(FIND_JTI)
        .bind(await jtiDigest(proof.owner, proof.jti))
        .first()) !== null
    const [one, other] = [await granted(), await granted()]
    const renewed = await renewable()
    const unregistered = { ...purchaseOf(one.code, proof) }
    unregistered.terms = { ...unregistered.terms, redirectUri: '' }
    expect(await codes.spend(one.key, unregistered, at)).toMatchObject({ kind: 'withdrawn' })
    expect(await isUsed()).toBe(false)
    const winner = purchaseOf(one.code, proof)
    const kinds = await Promise.all([
      codes.spend(one.key, winner, at).then(({ kind }) => kind),
      codes.spend(other.key, purchaseOf(other.code, proof), at).then(({ kind }) => kind),
      rotate(renewed.first, renewed.family, successor(proof), at),
    ])
    expect(kinds.sort()).toEqual(['proof_used', 'proof_used', 'won'])
    expect(await isUsed()).toBe(true)
    // The other tokens can still be spent.
    const again = [
      (await codes.spend(one.key, purchaseOf(one.code), at)).kind,
      (await codes.spend(other.key, purchaseOf(other.code), at)).kind,
      await rotate(renewed.first, renewed.family, successor(), at),
    ]
    expect(again.filter((kind) => kind === 'won')).toHaveLength(2)
  })

  it(`the code and refresh token stores accept a repeated request with its own proof, as after a lost response, on ${kind}`, async () => {
    const proof = () => ({ owner: randomId(), jti: randomId(), expiresAt: at + 60 })
    const { code, key } = await granted()
    const purchase = purchaseOf(code, proof())
    const { first, family } = await renewable()
    const next = successor(proof())
    for (let times = 0; times < 2; times++) {
      expect((await codes.spend(key, purchase, at)).kind).toBe('won')
      expect(await rotate(first, family, next, at)).toBe('won')
    }
  })

  it(`the refresh token store binds a family to the key of the first rotation with a key, and to no other, on ${kind}`, async () => {
    const { family, first } = await renewable()
    const keyOf = async () => (await refreshTokens.find(first))?.family.jkt
    const [next, last] = [successor(), successor()]
    expect(await rotate(first, family, next, at)).toBe('won')
    expect(await rotate(first, family, { ...successor(), jkt: 'thief' }, at)).toBe('lost')
    expect(await keyOf()).toBeNull()
    const bound = { ...last, jkt: 'owner' }
    expect(await rotate(next.tokenDigest, family, bound, at)).toBe('won')
    expect(await keyOf()).toBe('owner')
    const late = { ...successor(), jkt: 'another' }
    expect(await rotate(last.tokenDigest, family, late, at)).toBe('won')
    expect(await keyOf()).toBe('owner')
  })

  it(`the store of used ids accepts an id once for each owner, on ${kind}`, async () => {
    const jtis = usedJtiStore(DB)
    const [owner, jti] = [randomId(), randomId()]
    const first = await Promise.all(Array.from({ length: 5 }, () => jtis.use(owner, jti, at + 60)))
    expect(first.filter(Boolean)).toHaveLength(1)
    const other = randomId()
    expect([await jtis.isUsed(owner, jti), await jtis.isUsed(other, jti)]).toEqual([true, false])
    expect(await jtis.use(other, jti, at + 60)).toBe(true)
  })

  it(`the refusal store finds a refusal for a day, on ${kind}`, async () => {
    const refusals = refusalStore(DB)
    const correlationId = randomId()
    const words = { endpoint: 'POST /token', error: 'invalid_client', detail: 'd', clientId: null }
    const refused = { correlationId, refusedAt: at, ...words }
    await refusals.record(refused)
    expect(await refusals.find(correlationId, at + DAY_SECONDS - 1)).toEqual(refused)
    expect(await refusals.find(correlationId, at + DAY_SECONDS)).toBeNull()
  })

  it(`the store of connected applications finds what a user agreed to, on ${kind}`, async () => {
    const { client, userId } = await granted(true)
    const { user, applications } = await connectedApplicationStore(DB, LIFETIME_SECONDS).of(userId)
    expect(user).toMatchObject({ userId })
    expect(applications).toMatchObject([
      { clientId: client.id, agreedScopes: ['public:read'], grantedAt: at, usedAt: null },
    ])
    const stranger = await connectedApplicationStore(DB, LIFETIME_SECONDS).of('nobody')
    expect(stranger).toMatchObject({ user: null, applications: [] })
  })

  it(`the store of failed sign-ins counts by username and network, and clears one network, on ${kind}`, async () => {
    const failures = signInFailureStore(DB)
    const name = randomId()
    for (let times = 0; times < 5; times++) await failures.record(name, 'here', at)
    expect(await failures.lockedUntil(name.toUpperCase(), 'here', at)).toBe(at + 1)
    expect(await failures.lockedUntil(name, 'there', at)).toBeLessThanOrEqual(at)
    const tried = await failures.record(name, 'here', at + 1)
    expect(tried).toEqual({ lockedUntil: at + 1, nameFailures: 5, nameFailedAt: at })
    await failures.clear(name, 'here', null, tried)
    const next = await failures.record(name, 'here', at + 2)
    expect(next).toMatchObject({ nameFailures: 5, nameFailedAt: at })
    // A failure that was recorded meanwhile still counts.
    await failures.record(name, 'there', at + 3)
    await failures.clear(name, 'here', null, next)
    const last = await failures.record(name, 'here', at + 4)
    expect(last).toMatchObject({ nameFailures: 6, nameFailedAt: at + 3 })
    await failures.clear(name, 'here', null, last)
    expect(await failures.lockedUntil(name, 'here', at)).toBeLessThanOrEqual(at)
  })

  it(`the user store finds a user by username in any case, with the consents, on ${kind}`, async () => {
    const { id, username } = await newUser()
    expect(await users.findByUsername(username.toUpperCase())).toMatchObject({
      user: { userId: id, disabledAt: null },
    })
    expect(await users.findByUsername('nobody at all')).toBeNull()
    expect(await users.standing('nobody', NO_CLIENT, NOTHING_ASKED)).toEqual({
      user: null,
      consent: null,
      details: { ownerName: null, logoUri: '', logo: null, tosUri: '', policyUri: '' },
      catalogue: { scopes: new Map(), titles: new Map() },
    })
  })
})
