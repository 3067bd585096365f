/** The storage of one measured Worker, on the simulator or in memory, and its contents. */

import { hexDigest } from '../../src/crypto/digest.ts'
import { mintToken } from '../../src/crypto/token.ts'
import { RESOURCES } from '../../src/stores/resource-registry.ts'
import { clientRegistry, userRegistry } from '../../test/rows.ts'
import { ledger } from '../memory/ledger.ts'
import { memoryNamespace } from '../memory/namespace.ts'
import { asOperation, isSigned, type Operation } from '../operations.ts'
import type { Credentials } from '../subject.ts'
import { exampleClient, exampleService, exampleUser } from './fixture.ts'

export type BenchEnv = Readonly<{
  STORAGE: 'simulator' | 'memory'
  OPERATION: string
  ISSUER: string
  DB: D1Database
  SESSIONS: KVNamespace
  CODES: KVNamespace
}>

export type Prepared = Readonly<{
  DB: D1Database
  SESSIONS: KVNamespace
  CODES: KVNamespace
  credentials: Credentials
  userId: string
}>

const nowSeconds = () => Math.floor(Date.now() / 1000)

/** Fills the storage. Called once in an isolate, before anything is measured. */
export const prepare = (env: BenchEnv): Promise<Prepared> =>
  env.STORAGE === 'memory' ? inMemory(asOperation(env.OPERATION)) : onSimulator(env)

async function inMemory(operation: Operation): Promise<Prepared> {
  const secret = mintToken('clientSecret')
  const [id, userId] = [crypto.randomUUID(), crypto.randomUUID()]
  const client = exampleClient(id)
  const credential = {
    secretDigest: await hexDigest(secret),
    createdAt: nowSeconds(),
    expiresAt: null,
    lastUsedAt: null,
  }
  const row = {
    ...client,
    jwks: null,
    requirePkce: 1,
    requireDpop: 0,
    mayIntrospect: 0,
    publishesKeys: 0,
    accessTokenLifetimeSeconds: null,
    disabledAt: null,
    redirectUris: JSON.stringify(client.redirectUris),
    credentials: JSON.stringify([credential]),
    scopes: JSON.stringify(client.scopes),
    grantTypes: JSON.stringify(client.grantTypes),
    endorsements: JSON.stringify(client.endorsements),
    defaultResources: '[]',
    resources: JSON.stringify(isSigned(operation) ? [exampleService()] : []),
    selfRegistered: null,
    document: null,
  }
  return {
    DB: ledger(row, exampleUser(userId)),
    SESSIONS: memoryNamespace(),
    CODES: memoryNamespace(),
    credentials: { id, secret },
    userId,
  }
}

/** Inserts the service if it does not exist. */
export async function insertService(db: D1Database) {
  const { uri, ...fields } = exampleService()
  await db.prepare(RESOURCES.insert).bind(uri, JSON.stringify(fields), nowSeconds()).run()
}

/** Creates a user with a unique name and without a password. Returns the id. */
export async function newUser(db: D1Database): Promise<string> {
  const user = exampleUser('')
  const username = `${user.username}-${crypto.randomUUID()}`
  const passwordHash = 'scrypt$1024$8$1$none$none'
  const userId = await userRegistry(db).create({ ...user, username, passwordHash }, nowSeconds())
  if (userId === null) throw new Error('the user is there already')
  return userId
}

async function onSimulator({ DB, SESSIONS, CODES }: BenchEnv): Promise<Prepared> {
  const secret = mintToken('clientSecret')
  const client = exampleClient('')
  const id = await clientRegistry(DB).create(client, await hexDigest(secret), {
    mode: 'authorize',
    now: nowSeconds(),
  })
  const userId = await newUser(DB)
  await insertService(DB)
  return { DB, SESSIONS, CODES, credentials: { id, secret }, userId }
}
