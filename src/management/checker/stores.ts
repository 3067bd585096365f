/**
 * The stores of a request that is only checked: the stores of every request, on a database that only reads. They know only
 * one client. They look up nothing for another client, and do not find the codes and refresh tokens of another client.
 */

import { withDeadline } from '../../deadline.ts'
import type { AuthorizationCode } from '../../domain/authorization-code.ts'
import type { Client } from '../../domain/client.ts'
import type { Deps } from '../../flows/deps.ts'
import { ownerOfProof } from '../../protocol/dpop.ts'
import { authorizationStore } from '../../stores/authorizations.ts'
import { clientCache } from '../../stores/client-cache.ts'
import { clientStore } from '../../stores/clients.ts'
import { codeStore } from '../../stores/codes.ts'
import type { Database } from '../../stores/database.ts'
import { emptyNamespace, readingOnly } from '../../stores/reading-only.ts'
import { refreshTokenStore } from '../../stores/refresh-tokens.ts'
import type { RefreshFamily, Terms, UsedOnce } from '../../stores/spending-ports.ts'
import { usedJtiStore } from '../../stores/used-jtis.ts'
import { userStore } from '../../stores/users.ts'

/** The request names another client than the client of the page. */
export class OtherClient extends Error {}

/** What was read of the client of the page. */
export type Seen = {
  code: AuthorizationCode | null
  family: RefreshFamily | null
  /** True if a proof was sent and D1 was not asked whether it was used before. */
  hasUnaskedProof: boolean
}

const absent = <Port extends object>() =>
  new Proxy({} as Port, {
    get: (_, name) => () => {
      throw new Error(`a check does not use ${String(name)}`)
    },
  })

export type CheckerStores = (
  clientId: string,
  usersAreExternal: boolean,
) => ReturnType<typeof storesOf>

export const checkerStores =
  (db: Database, timeoutSeconds: number): CheckerStores =>
  (clientId, usersAreExternal) =>
    storesOf(readingOnly(db), clientId, usersAreExternal, timeoutSeconds)

function storesOf(
  db: Database,
  clientId: string,
  usersAreExternal: boolean,
  timeoutSeconds: number,
) {
  const inTime = <Port extends object>(port: Port) => withDeadline(port, timeoutSeconds)
  const seen: Seen = { code: null, family: null, hasUnaskedProof: false }
  const ofAll = {
    clients: inTime(clientStore(db, () => db)),
    codes: inTime(codeStore(db, emptyNamespace)),
    refreshTokens: inTime(refreshTokenStore(db)),
    usedJtis: inTime(usedJtiStore(db)),
  }
  let found: Promise<Client | null> | undefined
  const find: Deps['clients']['find'] = async (asked, more) => {
    if (asked !== clientId) throw new OtherClient()
    found ??= ofAll.clients.findFresh(asked, more)
    return found
  }
  const clients: Deps['clients'] = {
    find,
    findFresh: find,
    touchCredential: async () => {},
    touchSelfRegistered: async () => {},
  }

  /** D1 is asked only about keys of the client's codes and refresh tokens: any other key may be another client's. */
  function askable(proof: UsedOnce | null): UsedOnce | null {
    if (proof === null) return null
    const jkt = seen.code?.dpopJkt ?? seen.family?.jkt
    const isTheirs = jkt != null && proof.owner === ownerOfProof({ jkt })
    if (isTheirs) return proof
    seen.hasUnaskedProof = true
    return null
  }
  const asked = <Asked extends Readonly<{ terms: Terms }>>(given: Asked): Asked => ({
    ...given,
    terms: { ...given.terms, proof: askable(given.terms.proof) },
  })
  const isUsed: Deps['usedJtis']['isUsed'] = async (owner, jti) => {
    const isOfClient = owner.startsWith('client ')
    if (!isOfClient && askable({ owner, jti, expiresAt: 0 }) === null) return false
    return ofAll.usedJtis.isUsed(owner, jti)
  }

  const codes: Deps['codes'] = {
    findCarried: async () => null,
    async findOnLedger(digest) {
      const code = await ofAll.codes.findOnLedger(digest)
      seen.code = code?.clientId === clientId ? code : null
      return seen.code
    },
    spend: (digest, purchase, now) => ofAll.codes.spend(digest, asked(purchase), now),
    unspend: async () => {},
    forget: async () => {},
  }
  const refreshTokens: Deps['refreshTokens'] = {
    async find(digest) {
      const standing = await ofAll.refreshTokens.find(digest)
      if (standing?.family.clientId !== clientId) return null
      seen.family = standing.family
      return standing
    },
    rotate: (digest, family, successor, now) =>
      ofAll.refreshTokens.rotate(digest, family, asked(successor), now),
    repeat: (digest, family, successor) =>
      ofAll.refreshTokens.repeat(digest, family, asked(successor)),
    unrotate: async () => {},
  }
  const revocations: Deps['revocations'] = {
    ...absent<Deps['revocations']>(),
    endSessions: async () => true,
    endFamily: async () => true,
  }
  const ports = {
    clients,
    // Nothing is kept between two checks.
    clientCache: clientCache(
      new Map(),
      { clients },
      { clientCacheSeconds: 0, staleClientSeconds: 0 },
    ),
    codes,
    refreshTokens,
    revocations,
    usedJtis: { isUsed, use: async (owner, jti) => !(await isUsed(owner, jti)) },
    users: inTime(userStore(db)),
    authorizations: inTime(authorizationStore(db, emptyNamespace, usersAreExternal)),
    sessions: { put: async () => {}, isStored: async () => true },
    documents: { resolve: async () => ({ kind: 'too_soon' }) },
    connectedApplications: absent(),
    signInFailures: absent(),
    knownBrowsers: absent(),
    liveSessions: absent(),
    supported: absent(),
  } satisfies Partial<Deps>
  return { ports, seen }
}
